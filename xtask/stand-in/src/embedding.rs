//! Embeddings: what the server compares, and how both sides make them.

use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// Numbers in every embedding that the server takes, as in the real Engram.
pub const DIMENSIONS: usize = 768;

/// A direction in [`DIMENSIONS`] dimensions: finite numbers, scaled to length 1 (or all zero).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "Vec<f32>")]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// An embedding of a text: the sum of one pseudo-random direction for each word, so that equal texts
    /// are equal and texts that share words are near each other.
    #[must_use]
    pub fn of_text(text: &str) -> Self {
        let mut sum = vec![0.0; DIMENSIONS];
        for word in text.split_whitespace() {
            let mut source = Xoshiro256PlusPlus::seed_from_u64(fnv1a(word));
            for value in &mut sum {
                *value += uniform(&mut source);
            }
        }
        Self(to_unit_length(sum))
    }

    /// The numbers, [`DIMENSIONS`] of them.
    #[must_use]
    pub fn values(&self) -> &[f32] {
        &self.0
    }

    /// Cosine of the angle to another embedding, -1 to 1; 0 where either is all zero.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        dot(&self.0, &other.0)
    }

    /// Cosine similarity to a cue whose unknown dimensions are zero, over its known dimensions alone.
    ///
    /// `known` holds 1 where the cue is known and 0 elsewhere; the cue is of length 1 over those.
    #[must_use]
    pub fn cosine_where_known(&self, cue: &Self, known: &[f32]) -> f32 {
        let squares: Vec<f32> = self.0.iter().map(|value| value * value).collect();
        let length = dot(&squares, known).sqrt();
        if length > 0.0 { dot(&self.0, &cue.0) / length } else { 0.0 }
    }
}

impl TryFrom<Vec<f32>> for Embedding {
    type Error = String;

    fn try_from(values: Vec<f32>) -> Result<Self, String> {
        if values.len() != DIMENSIONS {
            return Err(format!(
                "an embedding has {DIMENSIONS} numbers, this one has {}",
                values.len()
            ));
        }
        if !values.iter().all(|value| value.is_finite()) {
            return Err("an embedding's numbers must be finite".to_owned());
        }
        Ok(Self(to_unit_length(values)))
    }
}

/// A number drawn evenly from -1 to 1.
pub fn uniform(source: &mut Xoshiro256PlusPlus) -> f32 {
    // The upper 24 bits, as many as an f32 holds exactly.
    (source.next_u32() >> 8) as f32 / 8_388_608.0 - 1.0
}

/// The same direction at length 1; all-zero stays all-zero.
#[must_use]
pub fn to_unit_length(mut values: Vec<f32>) -> Vec<f32> {
    // Scaled by the largest first, so that squares of extreme numbers neither overflow nor vanish.
    let largest = values.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    if largest > 0.0 {
        values.iter_mut().for_each(|value| *value /= largest);
        let length = dot(&values, &values).sqrt();
        values.iter_mut().for_each(|value| *value /= length);
    }
    values
}

/// Sum of the products of the pairs.
fn dot(left: &[f32], right: &[f32]) -> f32 {
    // Addition of floats has an order, which keeps the compiler from using vector instructions on one sum:
    // so sixteen sums run side by side.
    const LANES: usize = 16;
    let (left_chunks, left_rest) = left.as_chunks::<LANES>();
    let (right_chunks, right_rest) = right.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for (a, b) in left_chunks.iter().zip(right_chunks) {
        for (sum, (x, y)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += x * y;
        }
    }
    let rest: f32 = left_rest.iter().zip(right_rest).map(|(x, y)| x * y).sum();
    sums.iter().sum::<f32>() + rest
}

/// The 64-bit FNV-1a hash, with the constants of its authors (Fowler, Noll, Vo).
fn fnv1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> Embedding {
        Embedding::try_from((0_u16..768).map(f32::from).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_embedding_is_at_cosine_one_to_itself() {
        assert!((ramp().cosine(&ramp()) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn extreme_numbers_keep_their_direction() {
        let huge = Embedding::try_from(
            ramp().values().iter().map(|value| value * 1e38).collect::<Vec<_>>(),
        )
        .unwrap();
        assert!((huge.cosine(&ramp()) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_wrong_dimension_is_refused() {
        assert!(Embedding::try_from(vec![1.0; 767]).is_err());
    }

    #[test]
    fn numbers_that_are_not_finite_are_refused() {
        assert!(Embedding::try_from(vec![f32::INFINITY; DIMENSIONS]).is_err());
    }

    #[test]
    fn texts_that_share_words_are_nearer_than_texts_that_do_not() {
        let query = Embedding::of_text("fan effect spreading");
        let near = query.cosine(&Embedding::of_text("fan effect priming"));
        let far = query.cosine(&Embedding::of_text("unrelated words here"));
        assert!(near > far + 0.3, "{near} and {far}");
    }

    #[test]
    fn only_the_known_dimensions_decide_a_completion() {
        let mut known = vec![0.0; DIMENSIONS];
        known[..10].fill(1.0);
        let cue: Vec<f32> =
            ramp().values().iter().zip(&known).map(|(value, known)| value * known).collect();
        let cue = Embedding::try_from(cue).unwrap();
        assert!((ramp().cosine_where_known(&cue, &known) - 1.0).abs() < 1e-5);
    }
}
