//! Medians, and comparisons with a threshold.

/// Slack in comparisons with a threshold: a change equal to it passes.
pub(crate) const TOLERANCE: f64 = 1e-9;

/// `true` for a value beyond the threshold; one that is equal to it, except for rounding, is not.
pub(crate) fn exceeds(value: f64, threshold: f64) -> bool {
    value > threshold + TOLERANCE
}

/// The median: the middle value, or the mean of the middle two. `None` of nothing.
pub fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut sorted: Vec<f64> = values.into_iter().collect();
    sorted.sort_by(f64::total_cmp);
    let above_middle = *sorted.get(sorted.len() / 2)?;
    let below_middle = *sorted.get((sorted.len() - 1) / 2)?;
    Some(f64::midpoint(below_middle, above_middle))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_or_the_mean_of_the_middle_two() {
        assert_eq!(median([]), None);
        assert_eq!(median([3.0]), Some(3.0));
        assert_eq!(median([9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 100.0]), Some(3.0));
    }
}
