//! Commands that are given together. Each finds its seat in the batch by itself, as it would find its place in the queue;
//! when every seat is taken or left, they go into the queue as one, in the order of their seats.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cortex_types::ErrorCode;
use serde::{Deserialize, Serialize};

use crate::sequencer::{Message, Submission};
use crate::words::words;
use crate::{Approvals, Erp, ErpError, IdempotencyKey};

words! {
    /// How the commands of a batch belong together.
    Together {
        /// Each is carried out, or refused, by itself.
        Each = "each",
        /// All are carried out in one transaction, or none where one is refused.
        Whole = "whole",
        /// All are planned and written in one transaction, which is then undone: the answers are what would have been.
        Rehearsal = "rehearsal",
    }
}

/// The key of a command, with its seat where it is one of a batch, and with the word of those who had to be asked.
#[derive(Clone, Debug)]
pub struct Attempt {
    pub(crate) key: IdempotencyKey,
    pub(crate) seat: Option<Arc<Seat>>,
    pub(crate) approvals: Option<Arc<Approvals>>,
}

impl Attempt {
    #[must_use]
    pub const fn seated(key: IdempotencyKey, seat: Option<Arc<Seat>>) -> Self {
        Self {
            key,
            seat,
            approvals: None,
        }
    }

    /// With what was said of its document before.
    #[must_use]
    pub fn approved(self, approvals: Option<Arc<Approvals>>) -> Self {
        Self { approvals, ..self }
    }

    #[must_use]
    pub const fn key(&self) -> &IdempotencyKey {
        &self.key
    }

    /// Whether others are carried out with it, which may make what it names.
    #[must_use]
    pub const fn is_seated(&self) -> bool {
        self.seat.is_some()
    }

    /// Whether nothing will remain of it, whatever the answer says.
    #[must_use]
    pub fn is_rehearsed(&self) -> bool {
        self.seat.as_ref().is_some_and(|seat| seat.is_rehearsed())
    }
}

impl From<IdempotencyKey> for Attempt {
    fn from(key: IdempotencyKey) -> Self {
        Self::seated(key, None)
    }
}

/// A place in a batch for one command. Dropped without one it is left: the others do without, or a whole is refused.
#[derive(Debug)]
pub struct Seat {
    batch: Arc<Batch>,
    index: usize,
    settled: AtomicBool,
}

#[derive(Debug)]
struct Batch {
    erp: Erp,
    together: Together,
    seats: Mutex<Seats>,
}

struct Seats {
    unsettled: usize,
    taken: Vec<Option<Submission>>,
}

impl std::fmt::Debug for Seats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seats")
            .field("unsettled", &self.unsettled)
            .finish_non_exhaustive()
    }
}

impl Erp {
    /// Seats for a batch of `size` commands. None is carried out before the last seat is taken or left.
    #[must_use]
    pub fn batch(&self, together: Together, size: usize) -> Vec<Arc<Seat>> {
        let batch = Arc::new(Batch {
            erp: self.clone(),
            together,
            seats: Mutex::new(Seats {
                unsettled: size,
                taken: (0..size).map(|_| None).collect(),
            }),
        });
        let seat = |index| Seat {
            batch: Arc::clone(&batch),
            index,
            settled: AtomicBool::new(false),
        };
        (0..size).map(seat).map(Arc::new).collect()
    }
}

impl Seat {
    /// Whether nothing remains of what is done in it.
    #[must_use]
    pub fn is_rehearsed(&self) -> bool {
        self.batch.together == Together::Rehearsal
    }

    pub(crate) fn take(&self, submission: Submission) -> Result<(), ErpError> {
        if self.settled.swap(true, Ordering::AcqRel) {
            let problem = "a request of a batch is one command";
            return Err(ErpError::invalid("requests", problem));
        }
        self.batch.settle(self.index, Some(submission));
        Ok(())
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        if !self.settled.swap(true, Ordering::AcqRel) {
            self.batch.settle(self.index, None);
        }
    }
}

impl Batch {
    fn settle(&self, index: usize, submission: Option<Submission>) {
        let mut seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.taken[index] = submission;
        seats.unsettled -= 1;
        if seats.unsettled > 0 {
            return;
        }
        let taken = std::mem::take(&mut seats.taken);
        drop(seats);
        let left = taken.iter().position(Option::is_none);
        let indexed = taken.into_iter().enumerate();
        let submissions: Vec<(usize, Submission)> = indexed.filter_map(|(index, one)| Some((index, one?))).collect();
        let message = Message::Together(self.together, submissions);
        // A request that was refused at the door, or whose caller is gone, is a part that cannot be carried out.
        if let (Together::Whole, Some(index)) = (self.together, left) {
            message.refuse(&ErpError::BatchRefused {
                index,
                code: ErrorCode::InvalidArgument,
                reason: "it came to no command".to_owned(),
            });
            return;
        }
        if let Err((error, message)) = self.erp.enqueue(message) {
            message.refuse(&error);
        }
    }
}
