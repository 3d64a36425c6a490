#!/bin/sh
# Runs one of a few commands and lists their names. The message is compared and never executed, so nobody can add an
# argument, a pipe or another command. Run this bot only where everybody may see the output of these commands.
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
