#!/bin/sh
# audit_users.sh: reports oddities of this machine's accounts, and which accounts
# that can log in have processes. Exits with 1 if something is odd.
set -eu
LC_ALL=C
export LC_ALL

# Save the output first: the status of a pipeline is that of its last command.
users=$(getent passwd) || exit 3
processes=$(ps -eo uid=) || exit 3
running=" $(printf '%s\n' "$processes" | tr -d ' ' | sort -u | tr '\n' ' ')"
accounts=" "
odd=0

# Not in a pipeline: variables that are set in its subshell are lost.
while IFS=: read -r name _ uid _ _ home shell; do
    accounts="$accounts$uid "
    if [ "$uid" -eq 0 ] && [ "$name" != root ]; then
        printf 'odd: %s is root by its uid\n' "$name"
        odd=1
    fi
    case $shell in
    */nologin | */false | */sync) continue ;;
    esac
    if [ ! -d "$home" ]; then
        printf 'odd: %s has no home directory %s\n' "$name" "$home"
        odd=1
    fi
    case $running in
    *" $uid "*) state=running ;;
    *) state=idle ;;
    esac
    printf '%s (%d) can log in: %s\n' "$name" "$uid" "$state"
done <<USERS
$users
USERS

for uid in $running; do
    case $accounts in
    *" $uid "*) ;;
    *)
        printf 'odd: processes of %d, which is no account\n' "$uid"
        odd=1 ;;
    esac
done
exit $odd
