//! How the predictions did, once what they foretold had happened: read back from the lake, where decisions and outcomes
//! arrive like any other change.

use std::collections::BTreeMap;

use cortex_checks::{roc_auc, wape};
use cortex_lake::{AsOf, Layer, TableRef};
use cortex_types::{RequestContext, Timestamp};
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use datafusion::prelude::SessionContext;

use super::report::Week;
use crate::platform::Platform;

const JUDGED: &str = "SELECT d.model, d.decided_at, d.score, o.value \
    FROM decisions d JOIN outcomes o ON o.decision_id = d.id WHERE o.source = 'erp'";

/// Scores and outcomes of one model in one week.
#[derive(Default)]
struct Judged {
    scores: Vec<f64>,
    outcomes: Vec<f64>,
}

/// Fills in each week's live metrics from the decisions that were made at its end.
pub async fn live_metrics(platform: &Platform, ctx: &RequestContext, weeks: &mut [Week]) -> anyhow::Result<()> {
    let session = SessionContext::new();
    for name in ["decisions", "outcomes"] {
        let table = TableRef::new(ctx.tenant.clone(), Layer::Bronze, name)?;
        match platform.services.lake.snapshot(&table, AsOf::Latest).await {
            Ok(snapshot) => session.register_table(name, snapshot.provider)?,
            Err(cortex_lake::LakeError::NoTable(_)) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
    }
    let batches = session.sql(JUDGED).await?.collect().await?;
    let mut judged: BTreeMap<(String, String), Judged> = BTreeMap::new();
    for batch in &batches {
        collect(batch, &mut judged)?;
    }
    for week in weeks {
        let of = |model: &str| judged.get(&(week.ending.clone(), model.to_owned()));
        // A week in which everybody (or nobody) came back has no AUC; that is a gap, not an error.
        week.live_auc = of("repurchase-30d").and_then(|week| roc_auc(&week.outcomes, &week.scores).ok());
        week.live_wape = of("units-7d").and_then(|week| wape(&week.outcomes, &week.scores).ok());
    }
    Ok(())
}

fn collect(batch: &RecordBatch, judged: &mut BTreeMap<(String, String), Judged>) -> anyhow::Result<()> {
    let text = datafusion::arrow::compute::cast(batch.column(0), &datafusion::arrow::datatypes::DataType::Utf8)?;
    let models = text.as_string::<i32>();
    let times = batch.column(1).as_primitive::<TimestampMicrosecondType>();
    let scores = batch.column(2).as_primitive::<Float64Type>();
    let values = batch.column(3).as_primitive::<Float64Type>();
    for row in 0..batch.num_rows() {
        let day: String = Timestamp::from_micros(times.value(row))
            .to_string()
            .chars()
            .take(10)
            .collect();
        let week = judged.entry((day, models.value(row).to_owned())).or_default();
        week.scores.push(scores.value(row));
        week.outcomes.push(values.value(row));
    }
    Ok(())
}
