--- The scripts of a connection: the loop of its control session, and the parts of its runs that
--- noshell.machine.script does not have.

local core = require "noshell.core"
local script = require "noshell.machine.script"

local control_script = {}

--- The runs and the control session share a private directory. It has a fifo "f" for the
--- reports of the runs, and a file for each run with the pid of its sh, which is its process
--- group, or "-pid" once the program has ended.
---
--- A run creates its file exclusively, and so does the loop for a run that must no longer
--- start: only one of them succeeds. The fifo is opened for reading and writing, because
--- opening it for writing blocks for ever if the loop has ended.
local RUN = script.LIBRARY .. [==[
nsh_f=$nsh_d/$nsh_n
nsh_say() { printf '%s\n' "$nsh_n $*" 1<>"$nsh_d/f"; }
nsh_is_running() { nsh_x=; read -r nsh_x <"$nsh_f" && test "$nsh_x" = $$; }
nsh_signals
set -C
{ echo $$ >"$nsh_f"; } 2>/dev/null || nsh_fail machine EIO
set +C
test -p "$nsh_d/f" || exit 97
]==]

--- The loop. Its commands are lines "<word> <nonce> <rest>":
---   k nonce signal   sends a signal to the group
---   q nonce signal   asks about a run whose carrier has ended: "n" it never started and
---                    never will; else its group is ended, "g" or, if some remain, "u"
---   x nonce signal   the same, even if the program itself has ended
---   c nonce script   writes an encoded script to a file
---   r nonce ...      removes the files of runs
--- nsh_lives looks for members of the group that are not zombies: in a container without an
--- init that reaps them, zombies remain members for ever.
--- While the loop removes the directory, a run that is being ended may still make its file.
--- The reader of the fifo does not hold it open for writing, so the reader ends with the loop,
--- even if the loop is killed; then the connection ends.
local LOOP = [==[
nsh_say() { printf '%s\n' "$nsh_n $*" >&3; }
nsh_get() {
  nsh_p=
  read -r nsh_p <"$nsh_d/$nsh_n"
  case ${nsh_p#-} in '' | *[!0-9]*) return 1 ;; esac
} 2>/dev/null
nsh_lives() {
  kill -s 0 $nsh_g "-$nsh_p" || return 1
  test $nsh_i -ge 2 && test -r /proc/self/stat || return 0
  for nsh_q in /proc/[0-9]*/stat; do
    read -r nsh_x <"$nsh_q" || continue
    set -- ${nsh_x##*) }
    case $1 in Z | X) continue ;; esac
    test "$3" != "$nsh_p" || return 0
  done
  return 1
}
nsh_end() {
  if ( set -C; : >"$nsh_d/$nsh_n" ) 2>/dev/null; then nsh_say n; return; fi
  nsh_i=0
  until nsh_get || test $nsh_i -ge 20; do nsh_i=$((nsh_i + 1)); sleep 0.05; done
  case $nsh_w$nsh_p in q-*) return ;; esac
  nsh_p=${nsh_p#-}
  if test -z "$nsh_p"; then nsh_say g; return; fi
  kill -s "$nsh_x" $nsh_g "-$nsh_p"
  sleep 0.02
  kill -s KILL $nsh_g "-$nsh_p"
  nsh_i=0
  while nsh_lives; do
    nsh_i=$((nsh_i + 1))
    if test $nsh_i -gt 100; then nsh_say u; return; fi
    sleep 0.02
  done
  nsh_say g
} 2>/dev/null
trap '' HUP INT QUIT PIPE TERM
while read -r nsh_w nsh_n nsh_x; do
  case $nsh_w in
  k) nsh_get && kill -s "$nsh_x" $nsh_g "-${nsh_p#-}" ;;
  q | x) nsh_end </dev/null & ;;
  c) printf %b "$nsh_x" >"$nsh_d/$nsh_n.s" && nsh_say c || nsh_say f machine EIO ;;
  r) for nsh_i in $nsh_n $nsh_x; do set -- "$@" "$nsh_d/$nsh_i"; done; rm -f "$@"; set -- ;;
  esac
done 2>/dev/null
exec 3>&-
rm -f "$nsh_d/f"
nsh_x=
for nsh_i in "$nsh_d"/????????????????; do
  nsh_n=${nsh_i##*/}
  nsh_get || continue
  case $nsh_p in -*) ;; *) nsh_x="$nsh_x $nsh_p" ;; esac
done
for nsh_i in $nsh_x; do kill -s TERM $nsh_g "-$nsh_i"; done 2>/dev/null
test -z "$nsh_x" || sleep 0.3
for nsh_i in $nsh_x; do kill -s KILL $nsh_g "-$nsh_i"; done 2>/dev/null
kill $nsh_k 2>/dev/null
nsh_x=0
until rm -rf "$nsh_d" 2>/dev/null || test $nsh_x -ge 20; do
  nsh_x=$((nsh_x + 1))
  sleep 0.05
done
]==]

--- Makes the directory and reports the abilities of this sh: "group" if its pid is that of a
--- process group, "setsid" if that program exists, "signals" if it distinguishes a signal from
--- an exit status. The kill of busybox accepts no "--", that of dash needs it.
local HELLO = [==[
umask 077
nsh_make() {
  nsh_d=$1/noshell-$nsh_n
  case $1 in /*[!A-Za-z0-9/._-]* | [!/]* | '') return 1 ;; esac
  mkdir "$nsh_d" || return 1
  mkfifo "$nsh_d/f" && printf '%s' "$nsh_m" >"$nsh_d/m" && return
  rm -rf "$nsh_d"
  return 1
} 2>/dev/null
nsh_make "$TMPDIR" || nsh_make /tmp || nsh_make /dev/shm || nsh_make /run || {
  echo "$nsh_n f cannot write to a directory for temporary files there: ${TMPDIR:-/tmp}"
  exit 1
}
nsh_g=--
kill -s 0 -- $$ 2>/dev/null || nsh_g=
cat <"$nsh_d/f" &
nsh_k=$!
exec 3>"$nsh_d/f"
nsh_c=
kill -s 0 $nsh_g "-$$" 2>/dev/null && nsh_c=group
command -v setsid >/dev/null && nsh_c="$nsh_c setsid"
exec 4>&2 2>"$nsh_d/t"
( exec sh -c 'kill -s KILL $$' )
exec 2>&4 4>&-
test -s "$nsh_d/t" && nsh_c="$nsh_c signals"
printf '%s\n' "$nsh_n h $nsh_d $nsh_c $nsh_about" >&3
]==]

--- The script of the control session.
---@param nonce string
---@param about? string  expanded there, and added to the hello
---@return string
function control_script.control(nonce, about)
  return ("nsh_n=%s\nnsh_m=%s\nnsh_about=\"%s\"\n"):format(nonce, core.quote(RUN), about or "")
    .. HELLO .. LOOP .. "exit"
end

--- The first lines of a run.
---@param directory string
---@param nonce string
---@return string
function control_script.prologue(directory, nonce)
  return ("nsh_d=%s nsh_n=%s\n. \"$nsh_d/m\"\n"):format(core.quote(directory), nonce)
end

--- Executes a script that was written to a file.
control_script.FROM_FILE = ". \"$nsh_f.s\""

--- Returns the script that writes such a file from its stdin.
---@param directory string
---@param nonce string
---@return string
function control_script.upload(directory, nonce)
  return "umask 077; cat >" .. core.quote(directory .. "/" .. nonce .. ".s")
end

--- The first line of such a script removes the file: sh has read it.
control_script.IN_FILE = "rm -f \"$nsh_f.s\"\n"

return control_script
