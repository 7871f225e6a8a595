//! Which group each row belongs to, for those who ask whether a model treats groups alike.

use std::collections::{BTreeMap, HashMap};

use cortex_features::EntityKey;
use cortex_lake::Lake;
use cortex_types::{RequestContext, Timestamp};

use super::bronze::BronzeRows;
use crate::TrainingError;
use crate::declaration::Group;

/// What stands where nothing is known of an entity's group.
const UNKNOWN: &str = "unknown";

/// The group of each of `keys`, by the name of the group column.
pub async fn groups_of(
    ctx: &RequestContext,
    lake: &dyn Lake,
    groups: &BTreeMap<String, Group>,
    keys: &[&EntityKey],
    known_by: Timestamp,
) -> Result<BTreeMap<String, Vec<String>>, TrainingError> {
    let mut found = BTreeMap::new();
    for (name, group) in groups {
        let columns = [group.key.as_str(), group.column.as_str()];
        let rows = BronzeRows::read(lake, &ctx.tenant, &group.table, &columns, known_by, None).await?;
        let mut group_of: HashMap<String, String> = HashMap::new();
        if let Some(rows) = rows {
            for (key, value) in rows.text(&group.key)?.into_iter().zip(rows.text(&group.column)?) {
                if let (Some(key), Some(value)) = (key, value) {
                    group_of.insert(key, value);
                }
            }
        }
        let of = |key: &&EntityKey| {
            group_of
                .get(key.as_str())
                .cloned()
                .unwrap_or_else(|| UNKNOWN.to_owned())
        };
        found.insert(name.clone(), keys.iter().map(of).collect());
    }
    Ok(found)
}
