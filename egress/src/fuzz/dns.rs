//! DNS messages: questions of the sandbox, and answers of the host's nameservers.

use std::net::IpAddr;

use hickory_proto::op::{Message, MessageType};

use super::gate;
use crate::dns::{Transport, answer};
use crate::names::Names;
use crate::resolve::assert_answers_are_of_the_name;

/// Any bytes as a question: they are answered by nothing, or by a message that fits, repeats the number, and has no address but
/// synthetic ones and the loopback's. The same bytes as an answer: it is not believed, or speaks of the name that was asked for.
pub fn dns(data: &[u8]) {
    let gate = gate(&["example.com", "*.wide.example:*", "intranet:8080", "10.0.0.0/8:5432"]);
    let names = Names::new(true);
    for transport in [Transport::Udp, Transport::Tcp] {
        let Some(bytes) = answer(&gate, &names, data, transport) else { continue };
        let message = match Message::from_vec(&bytes) {
            Ok(message) => message,
            Err(error) => panic!("the answer cannot be read: {error}"),
        };
        assert_eq!(message.metadata.message_type, MessageType::Response);
        assert_eq!(bytes.get(..2), data.get(..2), "the number is not repeated");
        assert!(transport == Transport::Tcp || bytes.len() <= 1232, "{} bytes in one datagram", bytes.len());
        for record in &message.answers {
            let inside = |address: IpAddr| address.is_loopback() || Names::is_synthetic(address);
            assert!(record.data.ip_addr().is_none_or(inside), "{record} leads out");
        }
    }
    assert_answers_are_of_the_name(data);
}
