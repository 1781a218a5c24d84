//! Why slices of one server's life are not samples: two servers of one binary, loaded in turn in short slices.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use xtask::stats::numbers::median;

use crate::Result;

/// How ln(P99) of one server over the other varies, as standard deviations.
pub struct Duet {
    /// Fresh pairs of servers.
    pub pairs: usize,
    /// Slices of each pair.
    pub slices: f64,
    /// Of the slices of one pair, around its own mean.
    pub within: f64,
    /// Of the pairs, each by the mean of its slices.
    pub between: f64,
}

/// Reads a recording of slices.
pub fn read(path: &Path) -> Result<Duet> {
    let text = fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    let mut p99s: BTreeMap<(u64, u64), [Option<f64>; 2]> = BTreeMap::new();
    for line in text.lines() {
        let fields: Value = serde_json::from_str(line)?;
        let number = |key: &str| fields.get(key).and_then(Value::as_u64);
        let (Some(block), Some(slice), Some(side), Some(p99)) = (
            number("block"),
            number("slice"),
            number("side"),
            fields.get("p99").and_then(Value::as_f64),
        ) else {
            return Err(format!("{}: not a line of slices: {line}", path.display()).into());
        };
        let sides = p99s.entry((block, slice)).or_default();
        sides[usize::from(side != 0)] = Some(p99);
    }
    let mut blocks: BTreeMap<u64, Vec<f64>> = BTreeMap::new();
    for ((block, _), sides) in p99s {
        if let [Some(one), Some(other)] = sides {
            blocks.entry(block).or_default().push((other / one).ln());
        }
    }
    let means: Vec<f64> = blocks.values().map(|slices| mean(slices)).collect();
    let rest: Vec<f64> = blocks
        .values()
        .flat_map(|slices| slices.iter().map(|slice| slice - mean(slices)))
        .collect();
    #[allow(clippy::cast_precision_loss, reason = "dozens")]
    let slices = median(blocks.values().map(|slices| slices.len() as f64)).unwrap_or(1.0);
    Ok(Duet {
        pairs: means.len(),
        slices,
        // A mean of so many slices takes one degree of freedom from each pair.
        within: deviation(&rest) * (slices / (slices - 1.0)).sqrt(),
        between: deviation(&means),
    })
}

#[allow(clippy::cast_precision_loss, reason = "hundreds")]
fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn deviation(values: &[f64]) -> f64 {
    let middle = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - middle).powi(2)).collect();
    mean(&squares).sqrt()
}
