//! From the orders to the end: reads them, confines the process, serves.

use std::io::Read;

use lobsterpot_policy::orders::Orders;

use crate::exit::Exit;
use crate::gate::Gate;
use crate::report::Reporter;

/// The longest orders, in bytes.
const LONGEST: u64 = 4 << 20;

/// Serves until the line to the launcher closes.
pub(crate) fn run() -> Exit {
    let mut text = Vec::new();
    if std::io::stdin().lock().take(LONGEST).read_to_end(&mut text).is_err() {
        return Exit::Usage;
    }
    match serde_json::from_slice::<Orders>(&text) {
        Ok(orders) if orders.version == Orders::VERSION => serve(orders),
        Ok(_) | Err(_) => Exit::Data,
    }
}

/// Serves.
fn serve(orders: Orders) -> Exit {
    let _gate = Gate::new(orders.network, Reporter::default());
    Exit::Done
}
