//! Ids of what a command makes. They are drawn from the command's own id, so that the same command makes the same rows
//! whenever it is carried out again, and sort as commands do.

use std::cell::Cell;

use cortex_types::CommandId;
use uuid::Uuid;

thread_local! {
    /// The id that comes next, while a command is planned.
    static NEXT: Cell<Option<u128>> = const { Cell::new(None) };
}

/// What is left to count in: below it a UUIDv7 of this process is random, above it are its time and its counter.
const COUNTED_BITS: u32 = 32;

/// Plans a command, whose rows take their ids from its own.
pub(crate) fn of_command<T>(command: CommandId, plan: impl FnOnce() -> T) -> T {
    struct Done;
    impl Drop for Done {
        fn drop(&mut self) {
            NEXT.set(None);
        }
    }
    let _done = Done;
    NEXT.set(Some((command.0.as_u128() >> COUNTED_BITS << COUNTED_BITS) + 1));
    plan()
}

/// The next id of the command that is planned; where none is, a new one.
pub(crate) fn next() -> Uuid {
    match NEXT.get() {
        Some(next) => {
            NEXT.set(Some(next + 1));
            Uuid::from_u128(next)
        }
        None => Uuid::now_v7(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_gives_the_same_ids_again_in_the_order_of_commands() {
        let draw = |command| of_command(command, || [next(), next(), next()]);
        let commands = [CommandId::new(), CommandId::new()];
        let drawn = commands.map(draw);
        assert_eq!(drawn, commands.map(draw));
        assert!(drawn.as_flattened().is_sorted_by(|one, other| one < other));
        assert!(drawn.as_flattened().iter().all(|id| id.get_version_num() == 7));
        assert_ne!(next(), next());
    }
}
