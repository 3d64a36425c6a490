#!/bin/sh
# The menu of a telephone service. It keeps running for each person: chat bot … --session --exec examples/bots/menu.sh

greet() {
    cat <<'END'
欢迎致电 10086！
1  查询话费
2  查询流量
0  人工服务
exit  挂机
END
}

# The first message greets the caller, and also counts as a choice if it is one.
greet
first=yes
while IFS= read -r choice; do
    case $choice in
    1) echo '您的余额为 42.00 元。' ;;
    2) echo '您本月剩余流量 2.5 GB。' ;;
    0) echo "$CHAT_FROM，正在为您转接人工服务，请稍候。" ;;
    exit | EXIT | Exit)
        echo '感谢您的来电，再见！'
        exit
        ;;
    *)
        if [ -z "$first" ]; then
            echo '没有这个选项。'
            greet
        fi
        ;;
    esac
    first=
done
