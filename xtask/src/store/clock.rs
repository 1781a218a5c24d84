//! Local time.

use time::{OffsetDateTime, UtcOffset};

use crate::model::names::Timestamp;

/// The time zone of this process, read once.
#[derive(Debug, Clone, Copy)]
pub struct Clock(UtcOffset);

impl Clock {
    /// Reads the time zone; an unknown one counts as UTC. Must be called before any thread is started: afterwards the
    /// zone cannot be read safely.
    pub fn local() -> Self {
        Self(UtcOffset::current_local_offset().unwrap_or(UtcOffset::UTC))
    }

    /// This moment.
    pub(crate) fn now(self) -> OffsetDateTime {
        OffsetDateTime::now_utc().to_offset(self.0)
    }

    /// The timestamp that a file name carries now.
    pub(crate) fn timestamp(self) -> Timestamp {
        let now = self.now();
        Timestamp::of(time::PrimitiveDateTime::new(now.date(), now.time()))
    }
}
