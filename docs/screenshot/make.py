#!/usr/bin/env python3
"""Makes screen.svg, the picture in README: people talk in real terminals, and one of them is drawn as it stands.

It needs tmux. `cargo build && docs/screenshot/make.py`
"""
import html, pathlib, re, subprocess, sys, time, unicodedata

HERE = pathlib.Path(__file__).parent
CHAT = HERE.parent.parent / "target" / "debug" / "chat"
URL = "tcp://127.0.0.1:7010"
COLUMNS, ROWS = 96, 26
SOCKET = "chat-screenshot"


def tmux(*words):
    done = subprocess.run(["tmux", "-L", SOCKET, *words], check=True, capture_output=True, text=True)
    return done.stdout


def screen(who):
    return tmux("capture-pane", "-p", "-t", who)


def until(who, text):
    """Waits for something to be on a screen."""
    for _ in range(100):
        if text in screen(who):
            return
        time.sleep(0.1)
    sys.exit(f"{who} does not see {text!r}:\n{screen(who)}")


def join(who, *rooms):
    words = ["env", "-u", "NO_COLOR", str(CHAT), "join", URL, "--name", who]
    for room in rooms:
        words += ["--room", room]
    tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(ROWS), "-s", who, *words)
    until(who, "1 " + rooms[0])


def say(who, text):
    tmux("send-keys", "-l", "-t", who, text)
    tmux("send-keys", "-t", who, "Enter")


def talk():
    for who in ["ana", "bob", "cleo"]:
        join(who, *(["lobby", "kitchen"] if who == "ana" else ["lobby"]))
    say("bob", "/topic release on Thursday, the room is ours from two")
    say("bob", "good morning! the new switch is in, both floors are on it")
    until("cleo", "both floors")
    say("cleo", "thank you. it feels faster already")
    say("cleo", "早上好，会议改到下午三点 🙂")
    until("ana", "下午三点")
    say("bob", "/join kitchen")
    until("bob", "2 kitchen")
    say("bob", "cake. second shelf")
    say("ana", "/join lobby")
    say("ana", "three works for me. who brings the long cable?")
    until("cleo", "long cable")
    say("cleo", "I do, ana. how do TCP and UDP compare on the upper floor?")
    until("ana", "upper floor")
    say("ana", "round trips are the same; on the wifi UDP repairs about one in fifty")
    until("ana", "one in fifty")
    tmux("send-keys", "-l", "-t", "ana", "shall we show that at the meet")
    until("ana", "at the meet")
    time.sleep(1)  # for the round trip in the status line
    return tmux("capture-pane", "-e", "-p", "-t", "ana")


def width(character):
    if unicodedata.combining(character) or character in "\u200d\ufe0f":
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def runs(piece):
    """Words, and characters of two columns one by one: no font has all of them at the right width."""
    column = 0
    for run in re.findall(r" +|[\x21-\u2fff]+|.[\u200d\ufe0f\u0300-\u036f]*", piece):
        if run.strip():
            yield column, run
        column += sum(map(width, run))


COLOURS = ["#3b4252", "#bf616a", "#a3be8c", "#ebcb8b", "#81a1c1", "#b48ead", "#88c0d0", "#e5e9f0"]
BRIGHT = ["#7b88a1", "#d08770", "#b5d19a", "#f0d399", "#8fb4dd", "#c9a0c4", "#9fd8e6", "#ffffff"]
INK, PAPER = "#d8dee9", "#1e222a"
CELL, LINE = 8.4, 18


def style(codes, now):
    """What an SGR sequence (ECMA-48, 8.3.117) makes of a style."""
    codes = re.sub(r"\b38;5;(\d+)", lambda it: str(int(it[1]) + (30 if int(it[1]) < 8 else 82)), codes)
    for code in [int(it or 0) for it in codes.split(";")]:
        if code == 0:
            now = {}
        elif code in (1, 2, 3, 4, 7):
            now = {**now, code: True}
        elif code == 22:
            now = {key: it for key, it in now.items() if key not in (1, 2)}
        elif code in (23, 24, 27):
            now = {key: it for key, it in now.items() if key != code - 20}
        elif 30 <= code <= 37 or 90 <= code <= 97:
            now = {**now, "ink": COLOURS[code - 30] if code < 90 else BRIGHT[code - 90]}
        elif code == 39:
            now = {key: it for key, it in now.items() if key != "ink"}
    return now


def draw(captured):
    lines = captured.rstrip("\n").split("\n")
    wide, high = COLUMNS * CELL + 24, len(lines) * LINE + 24
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide:.0f}" height="{high:.0f}"'
        f' viewBox="0 0 {wide:.0f} {high:.0f}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">',
        f'<rect width="100%" height="100%" rx="8" fill="{PAPER}"/>',
    ]
    now = {}
    for row, line in enumerate(lines):
        column = 0
        for piece in re.split(r"(\x1b\[[0-9;]*m)", line):
            sequence = re.fullmatch(r"\x1b\[([0-9;]*)m", piece)
            if sequence:
                now = style(sequence[1], now)
                continue
            cells = sum(width(it) for it in piece)
            x, y = 12 + column * CELL, 12 + row * LINE
            ink, paper = now.get("ink", INK), None
            if 7 in now:
                ink, paper = PAPER, ink
                out.append(f'<rect x="{x:.1f}" y="{y}" width="{cells * CELL:.1f}" height="{LINE}" fill="{paper}"/>')
            looks = 'font-weight="bold" ' * (1 in now) + 'opacity="0.6" ' * (2 in now)
            looks += 'font-style="italic" ' * (3 in now) + 'text-decoration="underline" ' * (4 in now)
            for start, run in runs(piece):
                out.append(
                    f'<text x="{x + start * CELL:.1f}" y="{y + 13}" fill="{ink}" {looks}xml:space="preserve"'
                    f' textLength="{sum(map(width, run)) * CELL:.1f}" lengthAdjust="spacingAndGlyphs">{html.escape(run)}</text>'
                )
            column += cells
    return "\n".join([*out, "</svg>", ""])


def main():
    server = subprocess.Popen(
        [CHAT, "serve", "--memory", "--no-announce", "--listen", URL], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        server.stdout.readline()
        (HERE / "screen.svg").write_text(draw(talk()), encoding="utf-8")
    finally:
        subprocess.run(["tmux", "-L", SOCKET, "kill-server"], capture_output=True)
        server.kill()


main()
