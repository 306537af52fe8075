#!/bin/sh
# transcode.sh INPUT OUTPUT: converts a film with ffmpeg, and prints how many percent are
# done. OUTPUT appears only when it is complete.
set -u

if [ $# -ne 2 ]; then
	echo "usage: transcode.sh INPUT OUTPUT" >&2
	exit 2
fi

part=${2%.*}.part.${2##*.}
trap 'rm -f "$part" "$part.status"' EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

{
	ffmpeg -nostdin -y -i "$1" "$part" 2>&1 </dev/null
	echo $? >"$part.status"
} | tr '\r' '\n' | awk '
	function seconds(text,   part) {
		split(text, part, ":")
		return part[1] * 3600 + part[2] * 60 + part[3]
	}
	{ last = $0 }
	!total && match($0, /Duration: [0-9:.]+/) {
		total = seconds(substr($0, RSTART + 10, RLENGTH - 10))
	}
	total && match($0, /time=[0-9:.]+/) {
		percent = int(100 * seconds(substr($0, RSTART + 5, RLENGTH - 5)) / total)
		if (percent > shown) { print percent "%"; fflush(); shown = percent }
	}
	END { if (shown < 100) print "transcode: ffmpeg: " last >"/dev/stderr" }'

if [ "$(cat "$part.status")" -ne 0 ]; then
	exit 1
fi
mv -f -- "$part" "$2" || exit 1
