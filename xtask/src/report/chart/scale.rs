//! From a value to a place, and the round values between.

/// An axis.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The ends; their logarithms to base 10 where it is logarithmic.
    domain: [f64; 2],
    range: [f64; 2],
    logarithmic: bool,
}

/// Where a logarithmic axis begins if it must.
const LEAST: f64 = 1e-9;

impl Scale {
    /// From `domain`, the values at the ends, to `range`, the places in pixels.
    pub fn linear(domain: [f64; 2], range: [f64; 2]) -> Self {
        Self {
            domain: ordered(domain.map(finite)),
            range,
            logarithmic: false,
        }
    }

    /// The same for values above zero, from a round value to a round value.
    pub fn logarithmic([from, to]: [f64; 2], range: [f64; 2]) -> Self {
        let log = |value: f64| finite(value).max(LEAST).log10();
        Self {
            domain: ordered([-round_up(-log(from)), round_up(log(to))]),
            range,
            logarithmic: true,
        }
    }

    /// The places of the ends.
    pub fn range(&self) -> [f64; 2] {
        self.range
    }

    /// The place of a value, at an end where it is beyond.
    pub fn at(&self, value: f64) -> f64 {
        let value = match self.logarithmic {
            true => finite(value).max(LEAST).log10(),
            false => finite(value),
        };
        let ([from, to], [start, end]) = (self.domain, self.range);
        start + (end - start) * ((value - from) / (to - from)).clamp(0.0, 1.0)
    }

    /// The direction in which a value is off a linear axis, -1 or 1; 0 where it is on it.
    pub fn beyond(&self, value: f64) -> f64 {
        let [from, to] = self.domain;
        f64::from(i8::from(value > to)) - f64::from(i8::from(value < from))
    }

    /// About `most` round values of the axis: 1, 2 or 5 times a power of ten, evenly apart on a linear one.
    pub fn ticks(&self, most: f64) -> Vec<f64> {
        let [from, to] = self.domain;
        let span = to - from;
        if self.logarithmic {
            let mantissas: &[f64] = if span * 3.0 <= most {
                &[1.0, 2.0, 5.0]
            } else {
                &[1.0]
            };
            let each = (span / most).ceil().max(1.0);
            return steps(from.floor(), to, each)
                .flat_map(|decade| mantissas.iter().map(move |of| of.log10() + decade))
                .filter(|log| (from - 1e-9..=to + 1e-9).contains(log))
                .map(|log| 10_f64.powf(log))
                .collect();
        }
        let step = 10_f64.powf(round_up((span / most).log10()));
        steps((from / step).ceil() * step, to, step)
            .map(|value| (value / step).round() * step)
            .collect()
    }
}

fn steps(from: f64, to: f64, step: f64) -> impl Iterator<Item = f64> {
    (0..1000_u32)
        .map(move |n| from + f64::from(n) * step)
        .take_while(move |value| *value <= to + step * 1e-9)
}

/// A logarithm to base 10 rounded up to that of 1, 2 or 5 times a power of ten. Rounding down is the same of the
/// reciprocal: 1/2 is 5, and 1/5 is 2, times a power of ten.
fn round_up(log: f64) -> f64 {
    let mut rounds = [1.0_f64, 2.0, 5.0, 10.0]
        .map(|of| of.log10() + log.floor())
        .into_iter();
    rounds.find(|round| *round >= log - 1e-9).unwrap_or(log)
}

/// Beyond it no value is told from its neighbours.
const LARGEST: f64 = 1e15;

fn finite(value: f64) -> f64 {
    if value.is_nan() {
        0.0
    } else {
        value.clamp(-LARGEST, LARGEST)
    }
}

/// The ends in their order, and not the same.
fn ordered([one, other]: [f64; 2]) -> [f64; 2] {
    let (from, to) = (one.min(other), one.max(other));
    match to - from > to.abs().max(from.abs()) * 1e-9 {
        true => [from, to],
        false => [
            from - from.abs().max(1.0) / 2.0,
            to + to.abs().max(1.0) / 2.0,
        ],
    }
}
