#!/bin/sh
# A Lambda runtime in busybox's shell. The event is JSON with "do": what to do.
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime"

call() { # GET path, or POST path body -> $head and $body
	if [ "$1" = POST ]; then
		printf '%s' "$3" >/tmp/.post
		wget -q -S -O /tmp/.body --post-file /tmp/.post "$api/$2" 2>/tmp/.head
	else
		wget -q -S -O /tmp/.body "$api/$2" 2>/tmp/.head
	fi
	head=$(tr -d '\r' </tmp/.head | sed 's/^ *//')
	body=$(cat /tmp/.body)
}

header() {
	printf '%s\n' "$head" | sed -n "s/^$1: //p"
}

event() { # the value of a member
	printf '%s' "$body" | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"
}

case $INIT in
exit) [ -e /tmp/init-tried ] || { : >/tmp/init-tried; exit 7; } ;;
always-exit) exit 7 ;;
error)
	call POST init/error '{"errorType":"Test.Init","errorMessage":"init went wrong"}'
	exit 1
	;;
slow) [ -e /tmp/init-tried ] || { : >/tmp/init-tried; sleep 60; } ;;
esac
count=0
while :; do
	call GET invocation/next
	id=$(header Lambda-Runtime-Aws-Request-Id)
	count=$((count + 1))
	case $(event do) in
	hello) answer='{"hello":"world"}' ;;
	say) echo "$(event text)"; answer='{}' ;;
	partial) printf 'no newline'; answer='{}' ;;
	many) seq 1 "$(event n)"; answer='{}' ;;
	environment) answer="\"$(env | sort | tr '\n' ';' | sed 's/["\\]/_/g')\"" ;;
	start) answer="\"$* in $(pwd) as $(id -u)\"" ;;
	headers) answer="\"$(printf '%s' "$head" | tr '\n' ';')\"" ;;
	tmp) echo "$count" >>/tmp/count; answer="[$$,$count,$(wc -l </tmp/count)]" ;;
	exit) exit "$(event status)" ;;
	crash) kill -KILL $$ ;;
	answer-exit)
		call POST "invocation/$id/response" '"last words"'
		exit 3
		;;
	answer-late)
		call POST "invocation/$id/response" '"early"'
		sleep 2
		echo "done late"
		continue
		;;
	sleep) sleep "$(event seconds)"; answer='"slept"' ;;
	error)
		call POST "invocation/$id/error" '{"errorType":"Test.Error","errorMessage":"as asked"}'
		continue
		;;
	ticks)
		[ -e /tmp/ticks ] || { : >/tmp/ticks; (while :; do echo . >>/tmp/ticks; sleep 0.02; done) & }
		answer=$(wc -l </tmp/ticks)
		;;
	big) answer="\"$(head -c "$(event bytes)" /dev/zero | tr '\0' x)\"" ;;
	eat) a=x; while :; do a=$a$a; done ;;
	fetch) answer=$(wget -q -O - "$(event url)") ;;
	wrong-id)
		call POST "invocation/no-such-id/response" '{}'
		answer="\"$(printf '%s' "$head" | head -n 1)\""
		;;
	*) answer=$body ;;
	esac
	call POST "invocation/$id/response" "$answer"
done
