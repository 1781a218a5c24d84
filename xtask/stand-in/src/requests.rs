//! The requests of a load, drawn from a seed.

use std::iter;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng, SeedableRng};
use serde::Serialize;
use serde_json::json;

use crate::embedding::{to_unit_length, uniform};
use crate::scenario::{Data, Distribution, Scenario, Weights};

/// The kinds of request, named as in the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Kind {
    /// Storing a memory.
    Store,
    /// Recalling memories by an embedding.
    Recall,
    /// Searching memories by a text.
    Search,
    /// Completing a partial memory.
    PatternCompletion,
}

/// One HTTP request: a POST of JSON where there is a body, else a GET.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What it does.
    pub kind: Kind,
    /// Path and query.
    pub target: String,
    /// JSON to post.
    pub body: Option<String>,
}

/// The endless requests of a scenario. The same seed gives the same ones, on any machine.
pub fn draw(scenario: &Scenario, seed: u64) -> impl Iterator<Item = Request> {
    let mut source = Xoshiro256PlusPlus::seed_from_u64(seed);
    iter::repeat_with(move || match draw_kind(&mut source, &scenario.operations) {
        Kind::Store => store(&mut source, &scenario.data),
        Kind::Recall => recall(&mut source, &scenario.data),
        Kind::Search => search(&mut source),
        Kind::PatternCompletion => pattern_completion(&mut source, &scenario.data),
    })
}

/// What the URL standard leaves as it is in a query value.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

fn draw_kind(source: &mut Xoshiro256PlusPlus, weights: &Weights) -> Kind {
    let mut kinds = vec![
        (Kind::Store, weights.store),
        (Kind::Recall, weights.recall),
        (Kind::Search, weights.search),
        (Kind::PatternCompletion, weights.pattern_completion),
    ];
    kinds.retain(|(_, weight)| *weight > 0.0);
    let total: f64 = kinds.iter().map(|(_, weight)| weight).sum();
    let mut point = fraction(source) * total;
    let mut drawn = Kind::Store;
    for (kind, weight) in kinds {
        drawn = kind;
        if point < weight {
            break;
        }
        point -= weight;
    }
    drawn
}

fn store(source: &mut Xoshiro256PlusPlus, data: &Data) -> Request {
    #[derive(Serialize)]
    struct Body {
        content: String,
        confidence: f64,
        embedding: Vec<f32>,
    }
    let embedding = draw_embedding(source, data, data.embedding_dim);
    let confidence = between(source, 0.7, 1.0);
    let content = format!("Load test memory {:016x}", source.next_u64());
    let body = Body { content, confidence, embedding };
    Request { kind: Kind::Store, target: "/api/v1/memories".to_owned(), body: Some(to_json(&body)) }
}

fn recall(source: &mut Xoshiro256PlusPlus, data: &Data) -> Request {
    let embedding = to_json(&draw_embedding(source, data, data.embedding_dim));
    let embedding = utf8_percent_encode(&embedding, ENCODED);
    let space = match data.memory_spaces {
        1 => "default".to_owned(),
        spaces => format!("space_{}", below(source, spaces)),
    };
    let threshold = between(source, 0.5, 0.9);
    let max_results = 1 + below(source, 5);
    let target = format!(
        "/api/v1/memories/recall?embedding={embedding}&threshold={threshold}&max_results={max_results}&space={space}"
    );
    Request { kind: Kind::Recall, target, body: None }
}

fn search(source: &mut Xoshiro256PlusPlus) -> Request {
    let query = format!("test query {:016x}", source.next_u64());
    let query = utf8_percent_encode(&query, ENCODED);
    let limit = 5 + below(source, 46);
    let target = format!("/api/v1/memories/search?query={query}&limit={limit}");
    Request { kind: Kind::Search, target, body: None }
}

fn pattern_completion(source: &mut Xoshiro256PlusPlus, data: &Data) -> Request {
    // Every other dimension is known.
    let known = draw_embedding(source, data, data.embedding_dim.div_ceil(2));
    let partial: Vec<Option<f32>> =
        known.into_iter().flat_map(|value| [Some(value), None]).take(data.embedding_dim).collect();
    let body = json!({
        "partial_episode": {
            "known_fields": { "what": format!("test pattern {:016x}", source.next_u64()) },
            "partial_embedding": partial,
            "cue_strength": 0.7,
        }
    });
    Request {
        kind: Kind::PatternCompletion,
        target: "/api/v1/complete".to_owned(),
        body: Some(body.to_string()),
    }
}

/// A direction near one of the scenario's centres. A centre is drawn anew from its own number each time,
/// which costs microseconds and keeps nothing.
fn draw_embedding(source: &mut Xoshiro256PlusPlus, data: &Data, dimensions: usize) -> Vec<f32> {
    let Distribution::Clustered { num_clusters, std_dev } = data.embedding_distribution;
    let mut centre = Xoshiro256PlusPlus::seed_from_u64(below(source, num_clusters));
    let values = (0..dimensions).map(|_| uniform(&mut centre) + std_dev * bell(source)).collect();
    to_unit_length(values)
}

/// A number with mean 0 and variance 1, near enough to normal: a sum of four even ones. Unlike a true normal
/// deviate it takes only exact arithmetic, and so is the same on every machine.
fn bell(source: &mut Xoshiro256PlusPlus) -> f32 {
    let bits = source.next_u64();
    let sum: u32 = [0, 16, 32, 48].iter().map(|shift| u32::from((bits >> shift) as u16)).sum();
    // Each part is even over 0 to 65,535: the mean of the sum is 131,070 and its variance 4 * 65,536^2 / 12.
    (sum as f32 - 131_070.0) / (65_536.0 / 1.732_050_8)
}

/// 0 or more and less than 1, in steps of 2^-53.
fn fraction(source: &mut Xoshiro256PlusPlus) -> f64 {
    (source.next_u64() >> 11) as f64 / 9_007_199_254_740_992.0
}

fn between(source: &mut Xoshiro256PlusPlus, low: f64, high: f64) -> f64 {
    low + (high - low) * fraction(source)
}

/// 0 or more and less than the bound, which is at least 1.
fn below(source: &mut Xoshiro256PlusPlus, bound: u64) -> u64 {
    // The upper half of the product; its bias is the bound over 2^64.
    ((u128::from(source.next_u64()) * u128::from(bound)) >> 64) as u64
}

/// JSON of plain numbers and texts, which always have one.
fn to_json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::embedding::DIMENSIONS;
    use crate::scenario::tests::scenario;

    const ALL_KINDS: [f64; 4] = [0.25; 4];

    fn first(count: usize, weights: [f64; 4], seed: u64) -> Vec<Request> {
        draw(&scenario(weights), seed).take(count).collect()
    }

    fn body(request: &Request) -> Value {
        serde_json::from_str(request.body.as_ref().unwrap()).unwrap()
    }

    #[test]
    fn the_same_seed_draws_the_same_requests_embeddings_included() {
        assert_eq!(first(200, ALL_KINDS, 7), first(200, ALL_KINDS, 7));
    }

    #[test]
    fn another_seed_draws_other_requests() {
        assert_ne!(first(20, ALL_KINDS, 7), first(20, ALL_KINDS, 8));
    }

    #[test]
    fn kinds_occur_in_proportion_to_their_weights() {
        let requests = first(4_000, [0.5, 0.425, 0.075, 0.0], 0xDEAD_BEEF);
        let count = |kind| requests.iter().filter(|request| request.kind == kind).count();
        let counts = [Kind::Store, Kind::Recall, Kind::Search, Kind::PatternCompletion].map(count);
        let expected = [2_000, 1_700, 300, 0];
        let near =
            counts.iter().zip(expected).all(|(count, expected)| count.abs_diff(expected) <= 100);
        assert!(near, "{counts:?}");
    }

    #[test]
    fn a_kind_of_weight_zero_never_occurs() {
        let requests = first(2_000, [0.0, 0.0, 0.0, 1.0], 3);
        assert!(requests.iter().all(|request| request.kind == Kind::PatternCompletion));
    }

    #[test]
    fn a_stored_embedding_has_length_one() {
        let request = &first(1, [1.0, 0.0, 0.0, 0.0], 3)[0];
        let values: Vec<f64> = serde_json::from_value(body(request)["embedding"].clone()).unwrap();
        let length = values.iter().map(|value| value * value).sum::<f64>().sqrt();
        assert!(values.len() == DIMENSIONS && (length - 1.0).abs() < 1e-4, "{length}");
    }

    #[test]
    fn the_target_of_a_recall_is_over_ten_kilobytes() {
        assert!(first(1, [0.0, 1.0, 0.0, 0.0], 3)[0].target.len() > 10_000);
    }

    #[test]
    fn half_the_dimensions_of_a_pattern_are_unknown() {
        let request = &first(1, [0.0, 0.0, 0.0, 1.0], 3)[0];
        let values =
            body(request)["partial_episode"]["partial_embedding"].as_array().unwrap().clone();
        let unknown = values.iter().filter(|value| value.is_null()).count();
        assert_eq!((values.len(), unknown), (DIMENSIONS, DIMENSIONS / 2));
    }

    #[test]
    fn noise_around_a_centre_has_mean_zero_and_variance_one() {
        let mut source = Xoshiro256PlusPlus::seed_from_u64(1);
        let values: Vec<f64> = (0..10_000).map(|_| f64::from(bell(&mut source))).collect();
        let mean = values.iter().sum::<f64>() / 1e4;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / 1e4;
        assert!(mean.abs() < 0.05 && (variance - 1.0).abs() < 0.05, "{mean} and {variance}");
    }
}
