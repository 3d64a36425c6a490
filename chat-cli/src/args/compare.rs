//! The command line of `chat compare`.

use std::{fmt, ops::RangeInclusive, path::PathBuf, time::Duration};

use chat_core::Address;
use chat_lab::Condition;
use chat_measure::{Conversation, Pace, SCENARIOS, Scenario};
use clap::{Args, ValueEnum, builder::PossibleValuesParser};

use super::values::{server, size};

/// Compare how transports carry a conversation over a bad network.
///
/// Runs the same conversation over each contestant, with real servers, clients and sockets, across an emulated link
/// that delays and loses packets as asked for; then prints a table of figures and a verdict in sentences. The contestants
/// are all transports of this program. A transport that may lose messages takes part twice: udp-raw shows what the network
/// does to messages, udp repairs that.
///
/// The link is a network of its own within this program, and ends with it (Linux; as root, or where users may create
/// namespaces and TUN devices). Ended early, the command prints the figures so far and exits with 130.
#[derive(Args, Debug)]
#[command(after_help = help())]
pub(crate) struct Compare {
    /// The conversation, and the conditions that belong to it [default: meeting]
    #[arg(long, value_name = "NAME", value_parser = PossibleValuesParser::new(SCENARIOS.iter().map(|it| it.name)), hide_possible_values = true)]
    scenario: Option<String>,
    /// The condition of the link, such as delay=10ms,loss=2%. A different one for the way back may follow a semicolon. May
    /// be given several times [default: those of the scenario]
    #[arg(long, value_name = "CONDITION", value_parser = conditions)]
    pub(crate) condition: Vec<Conditions>,
    /// The contestants, separated by commas [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub(crate) contestants: Vec<String>,
    /// The number of rounds of each contestant under each condition; two or more give confidence intervals
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub(crate) repeat: u16,
    /// The seed of chance: the same seed makes the same conversation and the same losses on the link
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// The link between people and server
    #[arg(long, value_enum, default_value_t, conflicts_with = "server")]
    pub(crate) link: Link,
    /// Use this server, which `chat serve --unlimited` runs elsewhere, over the real network. May be given several times,
    /// such as tcp://HOST and udp://HOST. The rooms stay on the server
    #[arg(long, value_name = "URL", value_parser = server, conflicts_with_all = ["condition", "capture"])]
    pub(crate) server: Vec<Address>,
    /// Write a page with plots
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write all figures as JSON
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write a line of figures for each conversation as CSV
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    /// Write the packets of each conversation to a file in DIR, for Wireshark
    #[arg(long, value_name = "DIR")]
    pub(crate) capture: Option<PathBuf>,
    #[command(flatten)]
    numbers: Numbers,
}

/// The link between people and server.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Link {
    /// An emulated link, under the given condition
    #[default]
    Emulated,
    /// The loopback interface: no delay, no loss
    Loopback,
}

/// Numbers of the conversation; those that are not given are the scenario's.
#[derive(Args, Debug)]
#[command(next_help_heading = "Conversation, where it differs from the scenario")]
struct Numbers {
    /// The number of people
    #[arg(long, value_name = "N")]
    people: Option<usize>,
    /// The number of rooms
    #[arg(long, value_name = "N")]
    rooms: Option<usize>,
    /// How many of the people send messages [default: as in the scenario, or all if --people is given]
    #[arg(long, value_name = "N")]
    speakers: Option<usize>,
    /// Messages a second, of all speakers together
    #[arg(long, value_name = "N", conflicts_with = "window")]
    rate: Option<f64>,
    /// Messages in a row, on average
    #[arg(long, value_name = "N", conflicts_with = "window")]
    burst: Option<usize>,
    /// Send as fast as possible, with at most N messages of each speaker unanswered
    #[arg(long, value_name = "N")]
    window: Option<usize>,
    /// The length of messages, in bytes
    #[arg(long, value_name = "N | MIN..MAX", value_parser = size)]
    size: Option<RangeInclusive<usize>>,
    /// For how long the speakers send, such as 5s or 500ms
    #[arg(long, value_name = "TIME", value_parser = chat_lab::time)]
    lasts: Option<Duration>,
}

impl Compare {
    /// The scenario of these arguments.
    pub(crate) fn scenario(&self) -> &'static Scenario {
        self.scenario.as_deref().and_then(Scenario::named).unwrap_or(&SCENARIOS[0])
    }

    /// The conversation of these arguments.
    ///
    /// # Errors
    /// Names the number that is out of range.
    pub(crate) fn conversation(&self) -> Result<Conversation, chat_measure::ImpossibleConversation> {
        let Conversation { people, rooms, speakers, pace, size, lasts } =
            self.scenario().conversation.clone();
        let given = &self.numbers;
        let speakers = given.speakers.or(given.people).unwrap_or(speakers);
        let pace = match (pace, given.window) {
            (_, Some(messages)) => Pace::Window { messages },
            (Pace::Rate { messages, burst }, None) => {
                Pace::Rate { messages: given.rate.unwrap_or(messages), burst: given.burst.unwrap_or(burst) }
            }
            (Pace::Window { .. }, None) if given.rate.is_some() || given.burst.is_some() => {
                Pace::Rate { messages: given.rate.unwrap_or(10.0), burst: given.burst.unwrap_or(1) }
            }
            (window, None) => window,
        };
        let conversation = Conversation {
            people: given.people.unwrap_or(people),
            rooms: given.rooms.unwrap_or(rooms),
            speakers,
            pace,
            size: given.size.clone().unwrap_or(size),
            lasts: given.lasts.unwrap_or(lasts),
        };
        conversation.checked()
    }

    /// The conditions of these arguments, in the order in which they are measured.
    pub(crate) fn conditions(&self) -> Vec<Conditions> {
        match self.condition.is_empty() {
            true => {
                let scenario = self.scenario().conditions.iter();
                scenario.map(|it| conditions(it).expect("the scenarios' conditions are possible")).collect()
            }
            false => self.condition.clone(),
        }
    }
}

/// The conditions of both directions of a link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Conditions {
    pub(crate) up: Condition,
    pub(crate) down: Condition,
}

impl fmt::Display for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.up == self.down {
            true => write!(f, "{}", self.up),
            false => write!(f, "{};{}", self.up, self.down),
        }
    }
}

fn conditions(raw: &str) -> Result<Conditions, chat_lab::Impossible> {
    let (up, down) = raw.split_once(';').unwrap_or((raw, raw));
    Ok(Conditions { up: up.parse()?, down: down.parse()? })
}

/// The scenarios and examples that end the help.
fn help() -> String {
    let scenarios = SCENARIOS.iter().map(|it| format!("  {:<10}  {}\n", it.name, it.about));
    format!("Scenarios:\n{}\n{EXAMPLES}", scenarios.collect::<String>())
}

const EXAMPLES: &str = "\
Examples:
  chat compare
  chat compare --scenario roaming --html roaming.html
  chat compare --condition delay=20ms,loss=5% --contestants tcp,udp --repeat 5
  chat compare --condition 'rate=2mbit,queue=256kB;rate=20mbit' --scenario big
  chat compare --people 10 --rate 100 --size 20..400 --lasts 5s --csv figures.csv
  chat compare --server tcp://192.168.1.7 --server udp://192.168.1.7";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scenario_is_possible() {
        for scenario in SCENARIOS {
            scenario.conversation.clone().checked().unwrap();
            for condition in scenario.conditions {
                conditions(condition).unwrap();
            }
        }
    }
}
