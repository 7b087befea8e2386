//! The agents' wire protocols, one module per client: bytes in, a [`Call`](crate::call::Call) out, and answers back.
//!
//! Nothing outside this module knows a client's field names.

pub(crate) mod claude_code;
mod fields;

pub(crate) use fields::Fields;
