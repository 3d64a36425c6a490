//! Parses the lines that a user types: commands and messages.

use std::time::Duration;

/// How often what the network does is shown.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Measure {
    /// Now.
    Once,
    /// Now, and again each time this has passed.
    Every(Duration),
    /// Not any more.
    NoMore,
}

/// A line, understood.
#[derive(Debug, Eq, PartialEq)]
pub enum Command<'a> {
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
    /// Ask who has a name.
    Whois(&'a str),
}

/// Why a line that begins with `/` is not a command.
#[derive(Debug, Eq, PartialEq)]
pub enum Mistake<'a> {
    /// There is no such command.
    Unknown(&'a str),
    /// It has to be written in another way.
    Usage(CommandName),
}

/// The name of a command that takes words.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CommandName {
    /// `/history`
    History,
    /// `/join`
    Join,
    /// `/leave`
    Leave,
    /// `/msg`
    Msg,
    /// `/name`
    Name,
    /// `/search`
    Search,
    /// `/stats`
    Stats,
    /// `/topic`
    Topic,
    /// `/transport`
    Transport,
    /// `/who`
    Who,
    /// `/whois`
    Whois,
}

/// Every command, with its slash, as a user types it.
pub const COMMANDS: [&str; 14] = [
    "/help",
    "/history",
    "/join",
    "/leave",
    "/msg",
    "/name",
    "/quit",
    "/rooms",
    "/search",
    "/stats",
    "/topic",
    "/transport",
    "/who",
    "/whois",
];

impl<'a> Command<'a> {
    /// Understands `line`, from which control characters have been removed.
    pub fn parse(line: &'a str) -> Result<Command<'a>, Mistake<'a>> {
        let Some(after_slash) = line.strip_prefix('/') else {
            return Ok(if line.trim().is_empty() { Command::Nothing } else { Command::Say(line) });
        };
        if after_slash.starts_with('/') {
            return Ok(Command::Say(after_slash));
        }
        let (word, rest) = first_word(after_slash);
        let one = |command| only_word(rest, command);
        match word {
            "help" => Ok(Command::Help),
            "history" => match one(CommandName::History)?.map(str::parse) {
                None => Ok(Command::History(None)),
                Some(Ok(number)) => Ok(Command::History(Some(number))),
                Some(Err(_)) => Err(Mistake::Usage(CommandName::History)),
            },
            "join" => required(rest, CommandName::Join).map(Command::Join),
            "leave" => Ok(Command::Leave(one(CommandName::Leave)?)),
            "msg" => match first_word(rest) {
                (_, "") => Err(Mistake::Usage(CommandName::Msg)),
                (name, text) => Ok(Command::Msg(name, text)),
            },
            "name" => required(rest, CommandName::Name).map(Command::Name),
            "quit" => Ok(Command::Quit),
            "rooms" => Ok(Command::Rooms),
            "search" if rest.trim().is_empty() => Ok(Command::Search(None)),
            "search" => Ok(Command::Search(Some(rest.trim()))),
            "stats" => one(CommandName::Stats)?
                .map_or(Some(Measure::Once), measure)
                .map(Command::Stats)
                .ok_or(Mistake::Usage(CommandName::Stats)),
            "topic" if rest.is_empty() => Err(Mistake::Usage(CommandName::Topic)),
            "topic" => Ok(Command::Topic(rest)),
            "transport" => required(rest, CommandName::Transport).map(Command::Transport),
            "who" => Ok(Command::Who(one(CommandName::Who)?)),
            "whois" => required(rest, CommandName::Whois).map(Command::Whois),
            _ => Err(Mistake::Unknown(word)),
        }
    }
}

/// How often to measure, as the word after `/stats` says it.
fn measure(word: &str) -> Option<Measure> {
    if word == "off" {
        return Some(Measure::NoMore);
    }
    let seconds = word.parse().ok().filter(|seconds| (1..=MOST_SECONDS).contains(seconds))?;
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
fn only_word(rest: &str, command: CommandName) -> Result<Option<&str>, Mistake<'_>> {
    match first_word(rest) {
        ("", _) => Ok(None),
        (word, "") => Ok(Some(word)),
        _ => Err(Mistake::Usage(command)),
    }
}

/// The one word in `rest`, which `command` cannot do without.
fn required(rest: &str, command: CommandName) -> Result<&str, Mistake<'_>> {
    only_word(rest, command)?.ok_or(Mistake::Usage(command))
}

/// The longest time between two figures: a day.
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
            ("/whois bob ", Whois("bob")),
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
            ("/join", Usage(CommandName::Join)),
            ("/join two rooms", Usage(CommandName::Join)),
            ("/name", Usage(CommandName::Name)),
            ("/name two words", Usage(CommandName::Name)),
            ("/transport", Usage(CommandName::Transport)),
            ("/msg", Usage(CommandName::Msg)),
            ("/msg bob ", Usage(CommandName::Msg)),
            ("/whois", Usage(CommandName::Whois)),
            ("/stats 0", Usage(CommandName::Stats)),
            ("/stats on", Usage(CommandName::Stats)),
            ("/topic", Usage(CommandName::Topic)),
            ("/history many", Usage(CommandName::History)),
            ("/history -1", Usage(CommandName::History)),
        ] {
            assert_eq!(Command::parse(line), Err(mistake), "{line:?}");
        }
    }
}
