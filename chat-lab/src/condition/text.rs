//! Parses and prints conditions such as `delay=20ms,loss=2%`.

use std::{fmt, str::FromStr};

use super::{
    Condition, Impossible, Loss, Outage, Settings, Share,
    quantity::{Amount, BITS, BYTES, Time, rate, share, size, time},
};

impl FromStr for Condition {
    type Err = Impossible;

    fn from_str(text: &str) -> Result<Self, Impossible> {
        let mut settings = Settings::default();
        let mut seen: Vec<&str> = Vec::new();
        for part in text.split(',').map(str::trim).filter(|it| !it.is_empty()) {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let kind = if name == "burst" { "loss" } else { name };
            if kind != "outage" && seen.contains(&kind) {
                return Err(Impossible::Twice(name.to_owned()));
            }
            seen.push(kind);
            set(&mut settings, name, value).map_err(|why| match why {
                Impossible::Unknown(_) => why,
                why => Impossible::In { name: name.to_owned(), why: Box::new(why) },
            })?;
        }
        Self::new(settings)
    }
}

fn set(settings: &mut Settings, name: &str, value: &str) -> Result<(), Impossible> {
    match name {
        "delay" => settings.delay = time(value)?,
        "jitter" => settings.jitter = time(value)?,
        "loss" => settings.loss = Loss::Even(share(value)?),
        "burst" => settings.loss = burst(value)?,
        "duplicate" => settings.duplicate = share(value)?,
        "reorder" => {
            let (how_many, late) = value.split_once('/').unzip();
            settings.reorder = share(how_many.unwrap_or(value))?;
            settings.late = late.map_or(Ok(settings.late), time)?;
        }
        "corrupt" => settings.corrupt = share(value)?,
        "rate" => settings.rate = Some(rate(value)?),
        "queue" => settings.queue = Some(size(value)?),
        "mtu" => {
            let bytes = value.strip_suffix('B').unwrap_or(value).parse();
            settings.mtu =
                bytes.map_err(|_| Impossible::unreadable(value, "a size up to 65535, like 1400"))?;
        }
        "outage" => settings.outages.push(outage(value)?),
        _ => return Err(Impossible::Unknown(name.to_owned())),
    }
    Ok(())
}

/// `BEGIN/END`, or `BEGIN/END/BAD/GOOD` with the shares that are lost in a burst and outside of one.
fn burst(value: &str) -> Result<Loss, Impossible> {
    let shares = value.split('/').map(share).collect::<Result<Vec<_>, _>>()?;
    let (begin, end, rest) = match shares[..] {
        [begin, end, ref rest @ ..] if rest.len() <= 2 => (begin, end, rest),
        _ => return Err(Impossible::unreadable(value, "BEGIN%/END%, like 1%/25%")),
    };
    let bad = rest.first().copied().unwrap_or(Share::ALWAYS);
    Ok(Loss::Bursts { begin, end, bad, good: rest.get(1).copied().unwrap_or_default() })
}

/// `LENGTH@START` for one outage, `LENGTH@START/EVERY` for a repeated one.
fn outage(value: &str) -> Result<Outage, Impossible> {
    let expected = "LENGTH@START or LENGTH@START/EVERY, like 2s@5s/30s";
    let (length, rest) = value.split_once('@').ok_or_else(|| Impossible::unreadable(value, expected))?;
    let (start, every) = rest.split_once('/').unzip();
    Ok(Outage {
        start: time(start.unwrap_or(rest))?,
        length: time(length)?,
        every: every.map(time).transpose()?,
    })
}

impl fmt::Display for Condition {
    /// Prints only what differs from a link without any fault.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let settings = self.settings();
        let plain = Settings::default();
        let mut parts = Vec::new();
        let mut part = |differs: bool, text: String| parts.extend(differs.then_some(text));
        part(!settings.delay.is_zero(), format!("delay={}", Time(settings.delay)));
        part(!settings.jitter.is_zero(), format!("jitter={}", Time(settings.jitter)));
        part(settings.loss != Loss::Never, settings.loss.to_string());
        part(settings.duplicate != Share::NEVER, format!("duplicate={}", settings.duplicate));
        let reorder = format!("reorder={}/{}", settings.reorder, Time(settings.late));
        part((settings.reorder, settings.late) != (plain.reorder, plain.late), reorder);
        part(settings.corrupt != Share::NEVER, format!("corrupt={}", settings.corrupt));
        part(settings.rate.is_some(), format!("rate={}", Amount(settings.rate.unwrap_or_default(), BITS)));
        part(
            settings.queue.is_some(),
            format!("queue={}", Amount(settings.queue.unwrap_or_default(), BYTES)),
        );
        part(settings.mtu != plain.mtu, format!("mtu={}", settings.mtu));
        parts.extend(settings.outages.iter().map(|it| format!("outage={it}")));
        f.write_str(&parts.join(","))
    }
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("loss=0%"),
            Self::Even(share) => write!(f, "loss={share}"),
            Self::Bursts { begin, end, bad, good } => write!(f, "burst={begin}/{end}/{bad}/{good}"),
        }
    }
}

impl fmt::Display for Outage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", Time(self.length), Time(self.start))?;
        self.every.map_or(Ok(()), |every| write!(f, "/{}", Time(every)))
    }
}
