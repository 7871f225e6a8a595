//! What the lake says came of decisions: one grouped scan for all of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use arrow::datatypes::{DataType, Field, Schema};
use cortex_lake::{AsOf, Lake, LakeError, Layer, Snapshot, TableRef, changes};
use cortex_types::{RequestContext, Timestamp};
use datafusion::common::{JoinType, ScalarValue};
use datafusion::error::DataFusionError;
use datafusion::functions_aggregate::expr_fn::{count, max, sum};
use datafusion::logical_expr::{cast, col, ident, lit};
use datafusion::prelude::{DataFrame, Expr, SessionContext};

use crate::port::Matured;
use crate::{Aggregate, ExperienceError, OutcomeRule};

/// One state of the table that a rule reads.
pub(crate) struct BronzeHistory<'a> {
    rule: &'a OutcomeRule,
    snapshot: Snapshot,
}

impl<'a> BronzeHistory<'a> {
    /// `None` where nothing of the table has reached the lake yet.
    pub(crate) async fn open(
        lake: &dyn Lake,
        ctx: &RequestContext,
        rule: &'a OutcomeRule,
    ) -> Result<Option<Self>, ExperienceError> {
        let table = TableRef::new(ctx.tenant.clone(), Layer::Bronze, &rule.table)?;
        match lake.snapshot(&table, AsOf::Latest).await {
            Ok(snapshot) => Ok(Some(Self { rule, snapshot })),
            Err(LakeError::NoTable(_)) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// The known-at of the newest change in the table: nothing known by then is still on its way. A table that no
    /// change reaches any more covers no later time, however long ago that is.
    pub(crate) async fn covered_to(&self) -> Result<Option<Timestamp>, ExperienceError> {
        let batches = async {
            let newest = max(ident(changes::KNOWN_AT));
            self.rows()?
                .aggregate(vec![], vec![newest.alias("newest")])?
                .collect()
                .await
        };
        let batches = batches.await.map_err(|error| self.failed(&error))?;
        let newest = batches.iter().find_map(|batch| {
            let column = batch.column(0).as_any().downcast_ref::<TimestampMicrosecondArray>()?;
            (!column.is_empty() && column.is_valid(0)).then(|| Timestamp::from_micros(column.value(0)))
        });
        Ok(newest)
    }

    /// The outcome of each decision, in their order.
    pub(crate) async fn values(&self, matured: &[Matured]) -> Result<Vec<f64>, ExperienceError> {
        let mut values = vec![0.0; matured.len()];
        let batches = async { self.grouped(matured)?.collect().await };
        for batch in batches.await.map_err(|error| self.failed(&error))? {
            let column = |place: usize| batch.column(place).as_any().downcast_ref::<Int64Array>();
            let (Some(decisions), Some(amounts)) = (column(0), column(1)) else {
                return Err(self.failed(&"the scan answered other columns than it was asked for"));
            };
            for (decision, amount) in decisions.iter().zip(amounts) {
                let place = decision.and_then(|decision| usize::try_from(decision).ok());
                if let Some(value) = place.and_then(|place| values.get_mut(place)) {
                    *value = self.value(amount.unwrap_or(0));
                }
            }
        }
        Ok(values)
    }

    fn value(&self, amount: i64) -> f64 {
        match &self.rule.aggregate {
            Aggregate::Exists => f64::from(u8::from(amount > 0)),
            Aggregate::Sum { per, .. } => amount as f64 / *per as f64,
        }
    }

    fn rows(&self) -> Result<DataFrame, DataFusionError> {
        SessionContext::new().read_table(Arc::clone(&self.snapshot.provider))
    }

    /// (place of the decision, amount) for the decisions that have any row in their window.
    fn grouped(&self, matured: &[Matured]) -> Result<DataFrame, DataFusionError> {
        let windows = self.windows(matured)?;
        let in_window = vec![
            col("window_key").eq(col("fact_key")),
            col("fact_at").gt(col("window_from")),
            col("fact_at").lt_eq(col("window_to")),
        ];
        let amount = match &self.rule.aggregate {
            Aggregate::Exists => count(lit(1_i64)),
            Aggregate::Sum { .. } => sum(col("fact_amount")),
        };
        SessionContext::new()
            .read_batch(windows)?
            .join_on(self.facts(matured)?, JoinType::Inner, in_window)?
            .aggregate(vec![col("window_no")], vec![amount.alias("amount")])
    }

    /// The rows that can matter, narrowed before they are read: key, time and amount, within the span of all windows.
    fn facts(&self, matured: &[Matured]) -> Result<DataFrame, DataFusionError> {
        let at = ident(&self.rule.event_time);
        let from = matured
            .iter()
            .map(|decision| decision.decided_at)
            .min()
            .unwrap_or(Timestamp::MIN);
        let to = matured
            .iter()
            .map(|decision| decision.decided_at)
            .max()
            .unwrap_or(Timestamp::MIN);
        let to = to.saturating_add(self.rule.horizon);
        // Documents are never edited after they are posted, so a row is its insert.
        let mut wanted = ident(changes::OP)
            .eq(lit("insert"))
            .and(at.clone().gt(instant(from)))
            .and(at.clone().lt_eq(instant(to)));
        for (column, value) in &self.rule.filter {
            wanted = wanted.and(ident(column).eq(lit(value.as_str())));
        }
        let amount = match &self.rule.aggregate {
            Aggregate::Exists => lit(1_i64),
            Aggregate::Sum { column, .. } => cast(ident(column), DataType::Int64),
        };
        let key = cast(ident(&self.rule.key), DataType::Utf8);
        self.rows()?.filter(wanted)?.select(vec![
            key.alias("fact_key"),
            at.alias("fact_at"),
            amount.alias("fact_amount"),
        ])
    }

    fn windows(&self, matured: &[Matured]) -> Result<RecordBatch, DataFusionError> {
        let instants =
            |times: Vec<i64>| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")) };
        let schema = Schema::new(vec![
            Field::new("window_no", DataType::Int64, false),
            Field::new("window_key", DataType::Utf8, false),
            Field::new("window_from", changes::timestamp_type(), false),
            Field::new("window_to", changes::timestamp_type(), false),
        ]);
        let ends = matured
            .iter()
            .map(|decision| decision.decided_at.saturating_add(self.rule.horizon).micros());
        let columns: Vec<ArrayRef> = vec![
            Arc::new((0_i64..).take(matured.len()).collect::<Int64Array>()),
            Arc::new(
                matured
                    .iter()
                    .map(|decision| Some(&*decision.entity_key))
                    .collect::<StringArray>(),
            ),
            instants(matured.iter().map(|decision| decision.decided_at.micros()).collect()),
            instants(ends.collect()),
        ];
        Ok(RecordBatch::try_new(Arc::new(schema), columns)?)
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ExperienceError {
        ExperienceError::LakeQuery {
            table: self.snapshot.table.to_string(),
            detail: error.to_string(),
        }
    }
}

fn instant(at: Timestamp) -> Expr {
    lit(ScalarValue::TimestampMicrosecond(
        Some(at.micros()),
        Some(Arc::from("UTC")),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::{decision, tenant};
    use crate::{Decision, ExperienceStore, InMemoryExperienceStore, JudgedQuery, Memory, OutcomeRules};
    use cortex_lake::{Commit, MemoryLake};
    use cortex_types::{Frontier, ManualClock};

    /// One sold line: customer, product, pieces, day of sale, day on which it became known.
    struct Sale(Option<&'static str>, &'static str, i64, i64, i64);

    fn days(days: impl IntoIterator<Item = i64>) -> ArrayRef {
        let micros: Vec<i64> = days.into_iter().map(|day| day * 86_400_000_000).collect();
        Arc::new(TimestampMicrosecondArray::from(micros).with_timezone("UTC"))
    }

    fn bronze(sales: &[Sale]) -> RecordBatch {
        let text = |values: Vec<Option<&str>>| -> ArrayRef { Arc::new(StringArray::from(values)) };
        let pieces = sales.iter().map(|sale| sale.2 * 1_000_000);
        let columns = vec![
            ("customer_code", text(sales.iter().map(|sale| sale.0).collect())),
            ("product_code", text(sales.iter().map(|sale| Some(sale.1)).collect())),
            (
                "product_kind",
                text(
                    sales
                        .iter()
                        .map(|sale| Some(if sale.1 == "POST" { "service" } else { "goods" }))
                        .collect(),
                ),
            ),
            ("quantity_micro", Arc::new(pieces.collect::<Int64Array>())),
            ("invoiced_at", days(sales.iter().map(|sale| sale.3))),
            (changes::OP, text(sales.iter().map(|_| Some("insert")).collect())),
            (changes::KNOWN_AT, days(sales.iter().map(|sale| sale.4))),
        ];
        let nullable = columns.into_iter().map(|(name, column)| (name, column, true));
        RecordBatch::try_from_iter_with_nullable(nullable).unwrap()
    }

    struct World {
        memory: Memory,
        store: Arc<InMemoryExperienceStore>,
        lake: Arc<MemoryLake>,
        ctx: RequestContext,
    }

    impl World {
        fn new() -> Self {
            let clock = Arc::new(ManualClock::at(Timestamp::from_micros(0)));
            let store = Arc::new(InMemoryExperienceStore::new(clock.clone()));
            let lake = Arc::new(MemoryLake::default());
            Self {
                memory: Memory::new(store.clone(), lake.clone(), clock, Arc::default()),
                store,
                lake,
                ctx: tenant("acme"),
            }
        }

        async fn sold(&self, batch: u64, sales: &[Sale]) {
            let table = TableRef::new(self.ctx.tenant.clone(), Layer::Bronze, "sales_invoice_lines").unwrap();
            let commit = Commit {
                pipeline: "test".into(),
                batch,
                frontier: Frontier::default(),
            };
            self.lake.append(&table, vec![bronze(sales)], &commit).await.unwrap();
        }

        async fn resolve(&self, model: &str, today: i64) -> usize {
            let rules = OutcomeRules::builtin().unwrap();
            let rule = rules.of_model(model).next().unwrap();
            let now = Timestamp::from_micros(today * 86_400_000_000);
            self.memory
                .resolve_outcomes(&self.ctx, rule, now)
                .await
                .unwrap()
                .outcomes
        }

        async fn values(&self) -> Vec<Vec<f64>> {
            let judged = self
                .store
                .judged(
                    &self.ctx,
                    &JudgedQuery {
                        limit: 99,
                        ..JudgedQuery::default()
                    },
                )
                .await
                .unwrap();
            judged
                .iter()
                .map(|one| one.outcomes.iter().map(|outcome| outcome.1).collect())
                .collect()
        }
    }

    fn demand(key: &str, day: u32) -> Decision {
        Decision {
            model: "units-7d".into(),
            entity: "product".into(),
            ..decision(key, day)
        }
    }

    #[tokio::test]
    async fn whether_a_customer_bought_again_is_asked_of_the_days_after_the_decision() {
        let world = World::new();
        // Ann bought on the very instant of the decision only; Ben on the last of the thirty days; Cid a day later.
        world
            .sold(
                1,
                &[Sale(Some("ann"), "MUG", 1, 10, 10), Sale(Some("ben"), "MUG", 1, 40, 40)],
            )
            .await;
        world
            .sold(2, &[Sale(Some("cid"), "MUG", 1, 41, 41), Sale(None, "MUG", 1, 20, 60)])
            .await;
        let decided = ["ann", "ben", "cid"].map(|key| decision(key, 10)).to_vec();
        world.memory.decided(&world.ctx, decided).await.unwrap();
        assert_eq!(world.resolve("repurchase-30d", 60).await, 3);
        assert_eq!(world.values().await, [[0.0], [1.0], [0.0]]);
    }

    #[tokio::test]
    async fn units_sold_add_up_goods_alone() {
        let world = World::new();
        let sales = [
            Sale(Some("ann"), "MUG", 2, 11, 11),
            Sale(None, "MUG", 3, 17, 17),
            Sale(None, "POST", 9, 12, 30),
        ];
        world.sold(1, &sales).await;
        world
            .memory
            .decided(
                &world.ctx,
                vec![demand("MUG", 10), demand("POST", 10), demand("PEN", 10)],
            )
            .await
            .unwrap();
        assert_eq!(world.resolve("units-7d", 30).await, 3);
        assert_eq!(world.values().await, [[5.0], [0.0], [0.0]]);
    }

    #[tokio::test]
    async fn resolving_twice_is_resolving_once() {
        let world = World::new();
        world.sold(1, &[Sale(Some("ann"), "MUG", 1, 12, 50)]).await;
        world
            .memory
            .decided(&world.ctx, vec![decision("ann", 10)])
            .await
            .unwrap();
        assert_eq!(world.resolve("repurchase-30d", 50).await, 1);
        world.sold(2, &[Sale(Some("ann"), "MUG", 1, 13, 51)]).await;
        assert_eq!(world.resolve("repurchase-30d", 60).await, 0);
        assert_eq!(world.values().await, [[1.0]]);
    }

    #[tokio::test]
    async fn a_decision_is_left_alone_until_its_horizon_has_passed_and_the_lake_has_come_so_far() {
        let world = World::new();
        world
            .memory
            .decided(&world.ctx, vec![decision("ann", 10)])
            .await
            .unwrap();
        assert_eq!(
            world.resolve("repurchase-30d", 90).await,
            0,
            "nothing has reached the lake"
        );
        world.sold(1, &[Sale(Some("ann"), "MUG", 1, 12, 39)]).await;
        assert_eq!(
            world.resolve("repurchase-30d", 90).await,
            0,
            "the lake ends a day too early"
        );
        world.sold(2, &[Sale(None, "MUG", 1, 12, 40)]).await;
        assert_eq!(
            world.resolve("repurchase-30d", 39).await,
            0,
            "the horizon ends tomorrow"
        );
        assert_eq!(world.resolve("repurchase-30d", 40).await, 1);
    }
}
