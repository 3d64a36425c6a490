//! What a line typed by a person means.

use std::time::Duration;

/// How often what the network does is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Measure {
    Once,
    /// Now, and again each time this has passed.
    Every(Duration),
    NoMore,
}

/// A line, understood.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Command<'a> {
    /// List the commands.
    Help,
    /// Print older messages, at most this many.
    History(Option<u64>),
    /// Enter a room.
    Join(&'a str),
    /// Leave a room, the current one if none is named.
    Leave(Option<&'a str>),
    /// Say something to one person.
    Msg(&'a str, &'a str),
    /// Be known by another name.
    Name(&'a str),
    /// An empty line.
    Nothing,
    /// Leave everything.
    Quit,
    /// List the rooms.
    Rooms,
    /// Look for words in every room; without any, go on with that.
    Search(Option<&'a str>),
    /// Say something in the current room.
    Say(&'a str),
    /// Say what was measured.
    Stats(Measure),
    /// Set the topic of the current room.
    Topic(&'a str),
    /// Go on over another transport, or at another address.
    Transport(&'a str),
    /// List who is in a room, the current one if none is named.
    Who(Option<&'a str>),
}

/// Why a line that begins with `/` is not a command.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Mistake<'a> {
    /// There is no such command.
    Unknown(&'a str),
    /// It is written like this.
    Usage(&'static str),
}

impl<'a> Command<'a> {
    /// Understands `line`, from which control characters have been removed.
    pub(crate) fn parse(line: &'a str) -> Result<Command<'a>, Mistake<'a>> {
        let Some(after_slash) = line.strip_prefix('/') else {
            return Ok(if line.trim().is_empty() { Command::Nothing } else { Command::Say(line) });
        };
        if after_slash.starts_with('/') {
            return Ok(Command::Say(after_slash));
        }
        let (word, rest) = first_word(after_slash);
        let one = |usage| only_word(rest, usage);
        match word {
            "help" => Ok(Command::Help),
            "history" => match one("/history [NUMBER]")?.map(str::parse) {
                None => Ok(Command::History(None)),
                Some(Ok(number)) => Ok(Command::History(Some(number))),
                Some(Err(_)) => Err(Mistake::Usage("/history [NUMBER]")),
            },
            "join" => one("/join ROOM")?.map(Command::Join).ok_or(Mistake::Usage("/join ROOM")),
            "leave" => Ok(Command::Leave(one("/leave [ROOM]")?)),
            "msg" => match first_word(rest) {
                (_, "") => Err(Mistake::Usage("/msg NAME TEXT")),
                (name, text) => Ok(Command::Msg(name, text)),
            },
            "name" => one("/name NAME")?.map(Command::Name).ok_or(Mistake::Usage("/name NAME")),
            "quit" => Ok(Command::Quit),
            "rooms" => Ok(Command::Rooms),
            "search" if rest.trim().is_empty() => Ok(Command::Search(None)),
            "search" => Ok(Command::Search(Some(rest.trim()))),
            "stats" => one(STATS)?
                .map_or(Some(Measure::Once), measure)
                .map(Command::Stats)
                .ok_or(Mistake::Usage(STATS)),
            "topic" if rest.is_empty() => Err(Mistake::Usage("/topic TEXT")),
            "topic" => Ok(Command::Topic(rest)),
            "transport" => one(TRANSPORT)?.map(Command::Transport).ok_or(Mistake::Usage(TRANSPORT)),
            "who" => Ok(Command::Who(one("/who [ROOM]")?)),
            _ => Err(Mistake::Unknown(word)),
        }
    }
}

/// How often to measure, as the word after `/stats` says it.
fn measure(word: &str) -> Option<Measure> {
    if word == "off" {
        return Some(Measure::NoMore);
    }
    let seconds = word.parse().ok().filter(|it| (1..=MOST_SECONDS).contains(it))?;
    Some(Measure::Every(Duration::from_secs(seconds)))
}

/// The first word of `text`, and what follows it and the space after it.
fn first_word(text: &str) -> (&str, &str) {
    let text = text.trim_start();
    match text.split_once(char::is_whitespace) {
        Some((word, rest)) => (word, rest.trim()),
        None => (text, ""),
    }
}

/// The one word in `rest`, if there is any.
fn only_word<'a>(rest: &'a str, usage: &'static str) -> Result<Option<&'a str>, Mistake<'a>> {
    match first_word(rest) {
        ("", _) => Ok(None),
        (word, "") => Ok(Some(word)),
        _ => Err(Mistake::Usage(usage)),
    }
}

/// What `/help` prints.
pub(crate) const HELP: [&str; 15] = [
    "TEXT             say it in the current room; //TEXT says /TEXT",
    "/join ROOM       enter a room and talk there",
    "/leave [ROOM]    leave a room",
    "/who [ROOM]      who is in a room",
    "/rooms           which rooms there are",
    "/msg NAME TEXT   say something to one person",
    "/topic TEXT      set the topic of the current room",
    "/history [N]     older messages of the current room; again for still older ones",
    "/search WORDS    what was said with all of these words, newest first; /search alone goes on",
    "/name NAME       be known by another name",
    "/transport NAME  go on over tcp or udp, or at a whole URL, without missing or repeating a line",
    "/stats [N]       what the network does, now or every N seconds; /stats off ends it",
    "/quit            leave",
    "/help            this list",
    "Without ROOM it is the current room, the one entered last.",
];

const TRANSPORT: &str = "/transport NAME, such as tcp or udp, or /transport URL";

const STATS: &str = "/stats [SECONDS], up to a day, or /stats off";

/// The rarest that can be asked for: once a day.
const MOST_SECONDS: u64 = 86_400;

#[cfg(test)]
mod tests {
    use super::{Command::*, Mistake::*, *};

    #[test]
    fn text_is_said() {
        for (line, command) in [
            ("hi there", Say("hi there")),
            ("  indented", Say("  indented")),
            ("//join is a command", Say("/join is a command")),
            ("//", Say("/")),
            (" /join x", Say(" /join x")),
            ("", Nothing),
            (" \t ", Nothing),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line:?}");
        }
    }

    #[test]
    fn commands_take_their_words() {
        for (line, command) in [
            ("/join  kitchen ", Join("kitchen")),
            ("/leave", Leave(None)),
            ("/leave kitchen", Leave(Some("kitchen"))),
            ("/who", Who(None)),
            ("/who kitchen", Who(Some("kitchen"))),
            ("/rooms", Rooms),
            ("/name Bel", Name("Bel")),
            ("/transport udp", Transport("udp")),
            ("/msg bob  two  words ", Msg("bob", "two  words")),
            ("/topic soup at  noon", Topic("soup at  noon")),
            ("/history", History(None)),
            ("/history 7", History(Some(7))),
            ("/search  red   tea ", Search(Some("red   tea"))),
            ("/search ", Search(None)),
            ("/stats", Stats(Measure::Once)),
            ("/stats 5", Stats(Measure::Every(Duration::from_secs(5)))),
            ("/stats off", Stats(Measure::NoMore)),
            ("/quit", Quit),
            ("/help me", Help),
        ] {
            assert_eq!(Command::parse(line), Ok(command), "{line:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, mistake) in [
            ("/dance wildly", Unknown("dance")),
            ("/", Unknown("")),
            ("/JOIN x", Unknown("JOIN")),
            ("/join", Usage("/join ROOM")),
            ("/join two rooms", Usage("/join ROOM")),
            ("/name", Usage("/name NAME")),
            ("/name two words", Usage("/name NAME")),
            ("/transport", Usage(TRANSPORT)),
            ("/msg", Usage("/msg NAME TEXT")),
            ("/msg bob ", Usage("/msg NAME TEXT")),
            ("/stats 0", Usage(STATS)),
            ("/stats on", Usage(STATS)),
            ("/topic", Usage("/topic TEXT")),
            ("/history many", Usage("/history [NUMBER]")),
            ("/history -1", Usage("/history [NUMBER]")),
        ] {
            assert_eq!(Command::parse(line), Err(mistake), "{line:?}");
        }
    }
}
