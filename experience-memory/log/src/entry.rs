//! A call's decisions in the words of the journal.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use cortex_experience::{Decision, DecisionGroup};
use cortex_types::{Principal, RequestContext, TenantId, TraceId};
use serde::{Deserialize, Serialize};

/// One frame.
#[derive(Debug, Serialize, Deserialize)]
struct Entry<'a> {
    tenant: Cow<'a, TenantId>,
    principal: Cow<'a, Principal>,
    trace_id: TraceId,
    horizon_ms: u64,
    decisions: Cow<'a, [Decision]>,
    /// Score and propensity of each decision, bit for bit: JSON's own reading of them may be off in the last place.
    bits: Vec<(u64, u64)>,
}

pub(crate) fn encode(group: &DecisionGroup, horizon: Duration) -> Result<Vec<u8>, serde_json::Error> {
    let bits = |decision: &Decision| (decision.score.to_bits(), decision.propensity.to_bits());
    serde_json::to_vec(&Entry {
        tenant: Cow::Borrowed(&group.ctx.tenant),
        principal: Cow::Borrowed(&*group.ctx.principal),
        trace_id: group.ctx.trace_id,
        horizon_ms: u64::try_from(horizon.as_millis()).unwrap_or(u64::MAX),
        decisions: Cow::Borrowed(&group.decisions),
        bits: group.decisions.iter().map(bits).collect(),
    })
}

pub(crate) fn decode(payload: &[u8]) -> Result<(DecisionGroup, Duration), serde_json::Error> {
    let entry: Entry<'_> = serde_json::from_slice(payload)?;
    let mut decisions = entry.decisions.into_owned();
    for (decision, (score, propensity)) in decisions.iter_mut().zip(&entry.bits) {
        decision.score = f64::from_bits(*score);
        decision.propensity = f64::from_bits(*propensity);
    }
    let ctx = RequestContext {
        tenant: entry.tenant.into_owned(),
        principal: Arc::new(entry.principal.into_owned()),
        trace_id: entry.trace_id,
    };
    let group = DecisionGroup { ctx, decisions };
    Ok((group, Duration::from_millis(entry.horizon_ms)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use cortex_experience::contract::{decision, tenant};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_group_reads_back_bit_for_bit(scores in proptest::collection::vec((any::<f64>(), 0.0..1.0_f64), 1..5)) {
            let decisions = scores.into_iter().map(|(score, propensity)| Decision {
                score: if score.is_finite() { score } else { 0.1 },
                propensity,
                ..decision("ann", 3)
            });
            let group = DecisionGroup { ctx: tenant("acme"), decisions: decisions.collect() };
            let horizon = Duration::from_secs(7);
            let (back, within) = decode(&encode(&group, horizon).unwrap()).unwrap();
            prop_assert_eq!(within, horizon);
            prop_assert_eq!(&back.ctx, &group.ctx);
            prop_assert_eq!(&back.decisions, &group.decisions);
            let bits = |group: &DecisionGroup| group.decisions.iter().map(|made| made.score.to_bits()).collect::<Vec<_>>();
            prop_assert_eq!(bits(&back), bits(&group));
        }
    }
}
