//! Joining slices: a sink with large batches takes many small slices as one.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use cortex_lake::ChangeBatch;
use cortex_types::TenantId;

use crate::{ChangeSlice, IngestError};

/// Slices that follow one another and are to become one.
#[derive(Debug, Default)]
pub(crate) struct Joining {
    slices: Vec<Arc<ChangeSlice>>,
    weight: usize,
    schemas: BTreeMap<(TenantId, Arc<str>), SchemaRef>,
}

impl Joining {
    pub(crate) fn weight(&self) -> usize {
        self.weight
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }

    /// Whether `next` can be joined: it begins where these end, and no table changed its columns in between.
    pub(crate) fn takes(&self, next: &ChangeSlice) -> bool {
        let follows = self.slices.last().is_none_or(|last| last.to == next.after);
        let same_columns = |batch: &ChangeBatch| {
            self.schemas
                .get(&key(batch))
                .is_none_or(|schema| *schema == batch.rows.schema())
        };
        follows && next.batches.iter().all(same_columns)
    }

    pub(crate) fn push(&mut self, slice: Arc<ChangeSlice>) {
        self.weight += slice.weight();
        for batch in &slice.batches {
            self.schemas.entry(key(batch)).or_insert_with(|| batch.rows.schema());
        }
        self.slices.push(slice);
    }

    /// The one slice, with one batch per tenant and table in the order of positions; `None` where there are none.
    pub(crate) fn join(self) -> Result<Option<Arc<ChangeSlice>>, IngestError> {
        let (Some(first), Some(last)) = (self.slices.first(), self.slices.last()) else {
            return Ok(None);
        };
        if self.slices.len() == 1 {
            return Ok(Some(Arc::clone(first)));
        }
        let mut tables: BTreeMap<(&TenantId, &Arc<str>), Vec<&RecordBatch>> = BTreeMap::new();
        for batch in self.slices.iter().flat_map(|slice| &slice.batches) {
            tables
                .entry((&batch.tenant, &batch.table))
                .or_default()
                .push(&batch.rows);
        }
        let mut batches = Vec::with_capacity(tables.len());
        for ((tenant, table), parts) in tables {
            let rows = concat_batches(&parts[0].schema(), parts)
                .map_err(|error| IngestError::source(&first.to.source, error))?;
            batches.push(ChangeBatch {
                tenant: tenant.clone(),
                table: Arc::clone(table),
                rows,
            });
        }
        Ok(Some(Arc::new(ChangeSlice {
            after: first.after.clone(),
            to: last.to.clone(),
            batches,
        })))
    }
}

fn key(batch: &ChangeBatch) -> (TenantId, Arc<str>) {
    (batch.tenant.clone(), Arc::clone(&batch.table))
}
