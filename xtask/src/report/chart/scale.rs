//! From a value to a place, and the round values between.

/// An axis.
#[derive(Debug, Clone, Copy)]
pub struct Scale {
    /// The ends; their logarithms to base 10 where it is logarithmic.
    domain: [f64; 2],
    /// The places of the ends.
    pub range: [f64; 2],
    logarithmic: bool,
}

/// Where a logarithmic axis begins if it must.
const LEAST: f64 = 1e-9;

impl Scale {
    /// From `domain`, the values at the ends, to `range`, the places in pixels.
    pub fn linear(domain: [f64; 2], range: [f64; 2]) -> Self {
        Self { domain: ordered(domain.map(finite)), range, logarithmic: false }
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

    /// The place of a value, at an end where it is beyond.
    pub fn at(&self, value: f64) -> f64 {
        let value = match self.logarithmic {
            true => finite(value).max(LEAST).log10(),
            false => finite(value),
        };
        let ([from, to], [start, end]) = (self.domain, self.range);
        start + (end - start) * ((value - from) / (to - from)).clamp(0.0, 1.0)
    }

    /// About `most` round values of the axis: 1, 2 or 5 times a power of ten, evenly apart on a linear one.
    pub fn ticks(&self, most: f64) -> Vec<f64> {
        let [from, to] = self.domain;
        let span = to - from;
        if self.logarithmic {
            let mantissas: &[f64] = if span * 3.0 <= most { &[1.0, 2.0, 5.0] } else { &[1.0] };
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
    let mut rounds = [1.0_f64, 2.0, 5.0, 10.0].map(|of| of.log10() + log.floor()).into_iter();
    rounds.find(|round| *round >= log - 1e-9).unwrap_or(log)
}

/// Beyond it no value is told from its neighbours.
const LARGEST: f64 = 1e15;

fn finite(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(-LARGEST, LARGEST) }
}

/// The ends in their order, and not the same.
fn ordered([one, other]: [f64; 2]) -> [f64; 2] {
    let (from, to) = (one.min(other), one.max(other));
    match to - from > to.abs().max(from.abs()) * 1e-9 {
        true => [from, to],
        false => [from - from.abs().max(1.0) / 2.0, to + to.abs().max(1.0) / 2.0],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(scale: Scale, most: f64) -> String {
        let ticks = scale.ticks(most);
        let shown: Vec<String> = ticks.iter().map(|tick| format!("{tick:.3}")).collect();
        shown.join(" ").replace(".000", "")
    }

    #[test]
    fn round_values_are_1_2_or_5_times_a_power_of_ten() {
        let linear = |from, to| shown(Scale::linear([from, to], [0.0, 100.0]), 6.0);
        assert_eq!(linear(-3.0, 11.0), "0 5 10");
        assert_eq!(linear(-4.1, 4.1), "-4 -2 0 2 4");
        assert_eq!(linear(0.11, 0.47), "0.200 0.300 0.400");
        let logarithmic = |from, to| shown(Scale::logarithmic([from, to], [0.0, 100.0]), 9.0);
        assert_eq!(logarithmic(0.7, 23.0), "0.500 1 2 5 10 20 50");
        assert_eq!(logarithmic(0.7, 23_000.0), "1 10 100 1000 10000");
        assert_eq!(logarithmic(5.0, 5.0), "2 5 10");
    }

    #[test]
    fn a_value_has_its_place_and_one_beyond_the_end_the_end() {
        let linear = Scale::linear([-10.0, 10.0], [0.0, 100.0]);
        let places = [-99.0, -10.0, 0.0, 5.0, f64::INFINITY].map(|value| linear.at(value));
        assert_eq!(places, [0.0, 0.0, 50.0, 75.0, 100.0]);
        let logarithmic = Scale::logarithmic([1.0, 100.0], [100.0, 0.0]);
        assert_eq!([0.0, 10.0, 1e9].map(|value| logarithmic.at(value)), [100.0, 50.0, 0.0]);
    }
}
