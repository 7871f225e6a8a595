//! A plausible year of a gift wholesaler, which answers to what is done about it.
//!
//! [`Simulator`] plays one day per [`step`](Simulator::step): it takes the day's [`Actions`] (whom an offer reaches,
//! what is reordered) and answers with [`DayEvents`] for the ERP to book, and with [`Books`] that say what it came to.
//! It is pure: the same configuration and the same actions give the same year, on any run.
//!
//! # What the model assumes
//!
//! **Randomness is indexed, not drawn in turn.** Each draw is a function of (seed, purpose, entity, day). So two years
//! of one seed under different actions share every draw that the actions do not touch (common random numbers), and
//! their difference is the actions' doing.
//!
//! **Customers** are shops with an order rate of their own (log-normal, a median of one order in five weeks), a size,
//! and favourite categories. After an order the need recovers over time. A shop that buys regularly may begin to
//! *drift*: it still exists, orders at a fraction of its rate, and either comes back by itself or is lost. The risk to
//! drift differs between shops and grows with what they were promised and did not get.
//!
//! **Offers** (10 % off one order within 14 days) can bring a drifting shop back, with a probability of its own; they
//! hardly move a lost one; to a shop that would buy anyway they pull an order forward a little and give margin away.
//! Repeating an offer within four weeks has a fraction of its effect. Nobody is told who drifts: it has to be read off
//! what they bought.
//!
//! **Products** have Zipf popularity, a season (evergreen, Christmas, garden, occasions, autumn), momentum that wanders
//! from week to week, and promotions by category; some are launched during the year. Shops do not know the stock when
//! they order: what is not on the shelf is not delivered and the sale is lost, not deferred.
//!
//! **Supply**: each supplier has a lead time, never shorter than quoted, sometimes some days longer, and costs that
//! creep up. Stock costs 40 % of its value a year to hold (capital, room, fashion). Shops pay when they pay; suppliers are paid after 30 days.
//!
//! **Left out**: prices do not move demand except in promotions; there is no competitor, no credit loss, no shelf life;
//! postage is passed on at cost and appears in no margin.

mod config;
mod draws;

mod calendar;
mod catalogue;
mod customers;
mod warehouse;

mod aftermath;
mod basket;
mod dirt;
mod engine;
mod events;
mod selling;

mod books;
mod policies;

#[cfg(test)]
mod tests;
#[cfg(test)]
mod truth;

pub use books::Books;
pub use catalogue::ProductNo;
pub use config::SimulatorConfig;
pub use customers::CustomerNo;
pub use engine::Simulator;
pub use events::{
    Actions, CashSale, CreditNote, CreditReason, DayEvents, Direction, DirtyRow, Invoice, Payment, PaymentParty,
    Receipt, SaleLine,
};
pub use policies::{
    Candidate, SAFETY, Silent, offers_at_random, offers_to_silent, offers_to_those_at_risk, reorder_min_max,
    reorder_to_forecast,
};
