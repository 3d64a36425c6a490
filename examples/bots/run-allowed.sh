#!/bin/sh
# Runs one of a few commands, and tells how they are called. What was said is compared and never run, so nobody can
# add an argument, a pipe or a command of their own. Let it run only where everybody may know what these print.
IFS= read -r asked
case $asked in
date) exec date ;;
disk) exec df -h / ;;
uptime) exec uptime ;;
who) exec who -q ;;
help | '') echo 'date, disk, help, uptime, who' ;;
*)
    echo 'That is not allowed. Allowed are: date, disk, help, uptime, who'
    ;;
esac
