//! Styles: the terminal's own sixteen colours on its own background, or weights alone.

use chat_front::text::{Line, colour_of};
use ratatui::style::{Color, Modifier, Style};

use crate::flow::Styled;

/// Whether styles have colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Theme {
    pub(crate) colours: bool,
}

impl Theme {
    fn colour(self, colour: Color) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new() }
    }

    /// Secondary text.
    pub(crate) fn faint(self) -> Style {
        Style::new().add_modifier(Modifier::DIM)
    }

    pub(crate) fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// A person's name, always in the same colour.
    pub(crate) fn name(self, name: &str) -> Style {
        self.colour(translated(colour_of(name))).add_modifier(Modifier::BOLD)
    }

    /// Errors.
    pub(crate) fn alarm(self) -> Style {
        self.colour(Color::Red).add_modifier(Modifier::BOLD)
    }

    /// Mentions of the user.
    pub(crate) fn mention(self) -> Style {
        self.colour(Color::Magenta).add_modifier(Modifier::BOLD)
    }

    /// The line above new messages.
    pub(crate) fn news(self) -> Style {
        self.colour(Color::Red)
    }

    /// The chosen line, and bars.
    pub(crate) fn chosen(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// A line with its styles translated for the screen.
    pub(crate) fn styled(self, line: &Line) -> Styled {
        line.spans().map(|(style, text)| (self.translated(style), text.to_owned())).collect()
    }

    fn translated(self, style: anstyle::Style) -> Style {
        let mut ours = match style.get_fg_color() {
            Some(anstyle::Color::Ansi(colour)) => self.colour(translated(colour)),
            _ => Style::new(),
        };
        for (effect, modifier) in [
            (anstyle::Effects::BOLD, Modifier::BOLD),
            (anstyle::Effects::DIMMED, Modifier::DIM),
            (anstyle::Effects::INVERT, Modifier::REVERSED),
        ] {
            if style.get_effects().contains(effect) {
                ours = ours.add_modifier(modifier);
            }
        }
        ours
    }
}

fn translated(colour: anstyle::AnsiColor) -> Color {
    match colour {
        anstyle::AnsiColor::Green => Color::Green,
        anstyle::AnsiColor::Blue => Color::Blue,
        anstyle::AnsiColor::Magenta => Color::Magenta,
        anstyle::AnsiColor::Cyan => Color::Cyan,
        anstyle::AnsiColor::Yellow => Color::Yellow,
        _ => Color::Reset,
    }
}
