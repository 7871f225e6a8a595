//! Telling whoever waits how far it is.

/// What happens now.
#[derive(Clone, Debug, PartialEq)]
pub enum StageUpdate<'a> {
    Started {
        pipeline: &'a str,
        stage: &'a str,
    },
    Finished {
        pipeline: &'a str,
        stage: &'a str,
        seconds: f64,
        from_cache: bool,
    },
}

/// Is told of every stage, on the thread that runs it: be quick.
pub trait Progress: Send + Sync {
    fn update(&self, update: StageUpdate<'_>);
}

/// Nobody waits.
impl Progress for () {
    fn update(&self, _update: StageUpdate<'_>) {}
}

impl<F: Fn(StageUpdate<'_>) + Send + Sync> Progress for F {
    fn update(&self, update: StageUpdate<'_>) {
        self(update);
    }
}
