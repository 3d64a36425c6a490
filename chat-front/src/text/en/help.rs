//! The help for people who chat.

/// What `/help` shows.
pub const HELP: [&str; 16] = [
    "TEXT             say it in the current room; //TEXT says /TEXT",
    "/join ROOM       enter a room and talk there",
    "/leave [ROOM]    leave a room",
    "/who [ROOM]      who is in a room",
    "/whois NAME      the key of a person, as 16 characters to compare aloud",
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
