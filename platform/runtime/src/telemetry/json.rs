//! Log lines as JSON with every field at the top level, so that `trace_id=…` finds a request without knowing how deep
//! its span lies.

use std::fmt;
use std::io::Write;

use chrono::{SecondsFormat, Utc};
use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Writes one line per event: `ts`, `level`, `message`, `service`, `env`, `module`, `span_id`, then the fields of the
/// spans it lies in, from the outermost on, then its own; a later one wins.
pub(super) struct JsonLines<W> {
    service: String,
    environment: String,
    writer: W,
}

impl<W, O> JsonLines<W>
where
    W: Fn() -> O + Send + Sync + 'static,
    O: Write,
{
    pub(super) fn new(service: &str, environment: &str, writer: W) -> Self {
        Self {
            service: service.to_owned(),
            environment: environment.to_owned(),
            writer,
        }
    }

    fn line<S>(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> Map<String, Value>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let mut line = Map::new();
        line.insert(
            "ts".to_owned(),
            Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true).into(),
        );
        line.insert("level".to_owned(), event.metadata().level().as_str().into());
        line.insert("service".to_owned(), self.service.as_str().into());
        line.insert("env".to_owned(), self.environment.as_str().into());
        line.insert("module".to_owned(), event.metadata().target().into());
        if let Some(scope) = ctx.event_scope(event) {
            for span in scope.from_root() {
                line.insert("span_id".to_owned(), format!("{:016x}", span.id().into_u64()).into());
                if let Some(fields) = span.extensions().get::<SpanFields>() {
                    line.extend(fields.0.clone());
                }
            }
        }
        event.record(&mut Fields(&mut line));
        line
    }
}

struct SpanFields(Map<String, Value>);

impl<S, W, O> Layer<S> for JsonLines<W>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: Fn() -> O + Send + Sync + 'static,
    O: Write,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        let mut fields = Map::new();
        attributes.record(&mut Fields(&mut fields));
        span.extensions_mut().insert(SpanFields(fields));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, ctx: Context<'_, S>) {
        let Some(span) = ctx.span(id) else { return };
        if let Some(fields) = span.extensions_mut().get_mut::<SpanFields>() {
            values.record(&mut Fields(&mut fields.0));
        }
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        if let Ok(mut text) = serde_json::to_vec(&self.line(event, &ctx)) {
            text.push(b'\n');
            // One write per line, so that lines of several threads do not mix; a log that cannot be written has
            // nobody to tell.
            let _unwritable = (self.writer)().write_all(&text);
        }
    }
}

struct Fields<'a>(&'a mut Map<String, Value>);

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name().to_owned(), value.into());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}").into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use parking_lot::Mutex;
    use std::sync::Arc;
    use tracing_subscriber::layer::SubscriberExt;

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_carries_the_fields_of_its_request_at_the_top() {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = JsonLines::new("cortex", "test", move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            let request = tracing::info_span!("request", trace_id = "abc", tenant = tracing::field::Empty);
            let _entered = request.enter();
            request.record("tenant", "main");
            tracing::warn!(code = "overloaded", "refused");
        });
        let line: Value = serde_json::from_slice(&lines.0.lock()).unwrap();
        for (field, expected) in [
            ("trace_id", "abc"),
            ("tenant", "main"),
            ("code", "overloaded"),
            ("message", "refused"),
            ("level", "WARN"),
            ("service", "cortex"),
            ("env", "test"),
        ] {
            assert_eq!(line[field], expected, "{field}");
        }
        assert!(line["span_id"].is_string());
    }
}
