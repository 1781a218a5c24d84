//! Scenarios: what load to send, read from TOML.

use serde::Deserialize;

/// A load to send and the limits it is held to. Keys that the load does not depend on are left unread.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Scenario {
    /// What to call it in the result.
    pub name: String,
    /// How long it lasts.
    #[serde(default)]
    pub duration: Span,
    /// How its requests arrive.
    pub arrival: Arrival,
    /// What they are.
    pub operations: Weights,
    /// What they carry.
    pub data: Data,
    /// What is expected of the answers.
    #[serde(default)]
    pub validation: Limits,
}

/// `[duration]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Span {
    /// Seconds, at least 1.
    pub total_seconds: u64,
}

impl Default for Span {
    /// What the real load generator takes where the scenario says nothing.
    fn default() -> Self {
        Self { total_seconds: 300 }
    }
}

/// `[arrival]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "pattern", rename_all = "snake_case")]
pub enum Arrival {
    /// One request every `1 / rate` seconds.
    Constant {
        /// Requests a second, more than 0.
        rate: f64,
    },
}

/// `[operations]`: weights of the kinds of request, 0 or more, of which one at least is more.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Weights {
    /// Storing a memory.
    #[serde(rename = "store_weight")]
    pub store: f64,
    /// Recalling memories by an embedding.
    #[serde(rename = "recall_weight")]
    pub recall: f64,
    /// Searching memories by a text.
    #[serde(rename = "embedding_search_weight")]
    pub search: f64,
    /// Completing a partial memory.
    #[serde(rename = "pattern_completion_weight", default)]
    pub pattern_completion: f64,
}

/// `[data]`
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Data {
    /// Numbers in an embedding, at least 2.
    pub embedding_dim: usize,
    /// How many memory spaces recalls are spread over, at least 1.
    pub memory_spaces: u64,
    /// How embeddings are drawn.
    #[serde(default)]
    pub embedding_distribution: Distribution,
}

/// How embeddings are drawn.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Distribution {
    /// Around random centres.
    Clustered {
        /// How many centres, at least 1.
        num_clusters: u64,
        /// Standard deviation around the centre in each dimension, 0 or more; centres lie within -1 to 1.
        std_dev: f32,
    },
}

impl Default for Distribution {
    /// What the real load generator takes where the scenario says nothing.
    fn default() -> Self {
        Self::Clustered { num_clusters: 10, std_dev: 0.1 }
    }
}

/// `[validation]`: an absent limit is not held to.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Limits {
    /// Largest P99 latency, in milliseconds.
    pub expected_p99_latency_ms: Option<f64>,
    /// Smallest throughput, in operations a second.
    pub expected_throughput_ops_sec: Option<f64>,
    /// Largest share of failed operations, 0 to 1.
    pub max_error_rate: Option<f64>,
}

impl Scenario {
    /// Reads a scenario.
    ///
    /// # Errors
    /// It is not TOML, lacks a key, or a value is out of range: the message tells which.
    pub fn parse(text: &str) -> Result<Self, String> {
        let scenario: Self = toml::from_str(text).map_err(|error| error.to_string())?;
        scenario.check()?;
        Ok(scenario)
    }

    /// The same scenario with another rate or duration, where one is given.
    ///
    /// # Errors
    /// The result is out of range.
    pub fn with(mut self, rate: Option<f64>, total_seconds: Option<u64>) -> Result<Self, String> {
        if let Some(rate) = rate {
            self.arrival = Arrival::Constant { rate };
        }
        if let Some(total_seconds) = total_seconds {
            self.duration = Span { total_seconds };
        }
        self.check()?;
        Ok(self)
    }

    fn check(&self) -> Result<(), String> {
        let Arrival::Constant { rate } = self.arrival;
        let Distribution::Clustered { num_clusters, std_dev } = self.data.embedding_distribution;
        let weights = &self.operations;
        let weights = [weights.store, weights.recall, weights.search, weights.pattern_completion];
        let rules = [
            (self.duration.total_seconds >= 1, "the duration must be at least 1 second"),
            ((1e-3..=1e6).contains(&rate), "the rate must be from 0.001 to 1,000,000 a second"),
            (
                weights.iter().all(|weight| (0.0..=1e9).contains(weight))
                    && weights.iter().sum::<f64>() > 0.0,
                "the weights of the operations must be 0 or more, and one of them more than 0",
            ),
            (
                (2..=65_536).contains(&self.data.embedding_dim),
                "embedding_dim must be from 2 to 65,536",
            ),
            (self.data.memory_spaces >= 1, "memory_spaces must be at least 1"),
            (num_clusters >= 1, "num_clusters must be at least 1"),
            ((0.0..=1e3).contains(&std_dev), "std_dev must be from 0 to 1,000"),
        ];
        match rules.iter().find(|(kept, _)| !kept) {
            Some((_, broken)) => Err((*broken).to_owned()),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A scenario with these four weights: store, recall, search, completion.
    pub(crate) fn scenario(weights: [f64; 4]) -> Scenario {
        Scenario::parse(&text(weights)).unwrap()
    }

    fn text([store, recall, search, completion]: [f64; 4]) -> String {
        format!(
            r#"
            name = "Sample"
            description = "for the tests"
            [duration]
            total_seconds = 60
            [arrival]
            pattern = "constant"
            rate = 1000
            [operations]
            store_weight = {store}
            recall_weight = {recall}
            embedding_search_weight = {search}
            pattern_completion_weight = {completion}
            [data]
            num_nodes = 1000
            embedding_dim = 768
            memory_spaces = 1
            [validation]
            expected_p99_latency_ms = 50
            expected_throughput_ops_sec = 800.0
            max_error_rate = 0.01
            [chaos]
            enabled = false
            "#
        )
    }

    #[test]
    fn weights_of_zero_are_allowed() {
        assert!(Scenario::parse(&text([0.0, 0.0, 1.0, 0.0])).is_ok());
    }

    #[test]
    fn weights_that_are_all_zero_are_refused() {
        assert!(Scenario::parse(&text([0.0; 4])).is_err());
    }

    #[test]
    fn a_negative_weight_is_refused() {
        assert!(Scenario::parse(&text([1.0, -0.5, 0.0, 0.0])).is_err());
    }

    #[test]
    fn embeddings_are_clustered_around_ten_centres_by_default() {
        let default = Distribution::Clustered { num_clusters: 10, std_dev: 0.1 };
        assert_eq!(scenario([1.0, 0.0, 0.0, 0.0]).data.embedding_distribution, default);
    }

    #[test]
    fn a_clustered_distribution_is_read() {
        let text = text([1.0, 0.0, 0.0, 0.0]).replace(
            "memory_spaces = 1",
            r#"memory_spaces = 1
            embedding_distribution = { type = "clustered", num_clusters = 50, std_dev = 0.15 }"#,
        );
        let given = Distribution::Clustered { num_clusters: 50, std_dev: 0.15 };
        assert_eq!(Scenario::parse(&text).unwrap().data.embedding_distribution, given);
    }

    #[test]
    fn a_missing_key_is_named() {
        let message = Scenario::parse(&text([1.0; 4]).replace("rate = 1000", "")).unwrap_err();
        assert!(message.contains("rate"), "{message}");
    }

    #[test]
    fn the_rate_and_duration_of_the_command_line_win() {
        let scenario = scenario([1.0; 4]).with(Some(250.0), Some(3)).unwrap();
        assert_eq!(
            (scenario.arrival, scenario.duration.total_seconds),
            (Arrival::Constant { rate: 250.0 }, 3)
        );
    }

    #[test]
    fn a_rate_of_zero_is_refused() {
        assert!(scenario([1.0; 4]).with(Some(0.0), None).is_err());
    }
}
