#!/bin/sh
# Repeats messages in capitals, in every alphabet that sed knows (this needs a UTF-8 locale; in others only A to Z).
for locale in C.UTF-8 en_US.UTF-8 "${LC_ALL:-C}"; do
    if [ "$(printf 'é' | LC_ALL=$locale sed 's/.*/\U&/' 2>/dev/null)" = 'É' ]; then
        LC_ALL=$locale exec sed 's/.*/\U&/'
    fi
done
exec tr a-z A-Z
