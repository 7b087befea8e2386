//! Published ports.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::spawn_local;

use super::{among_tasks, expect, expect_end, expect_reset, listen, nothing_allowed};
use crate::flow::shares::{Bounds, Shares};
use crate::gate::Gate;
use crate::published;
use crate::report::Reporter;

#[tokio::test]
async fn a_published_port_leads_to_the_server_in_the_sandbox_and_passes_everything() {
    among_tasks(async {
        let (server, outside) = (listen().await, listen().await);
        let (inside, address) = (server.local_addr().expect("an address"), outside.local_addr().expect("an address"));
        let connect = async move |port: u16| {
            assert_eq!(port, 3000);
            TcpStream::connect(inside).await
        };
        let gate = Gate::new(nothing_allowed(), Reporter::default());
        let shares = Shares::new(Bounds::default());
        drop(spawn_local(published::serve(outside, 3000, connect, shares.clone(), gate)));

        let mut client = TcpStream::connect(address).await.expect("connected");
        let (mut there, _) = server.accept().await.expect("accepted");
        client.write_all(b"GET / HTTP/1.1\r\nHost: anything\r\n\r\n").await.expect("sent");
        client.shutdown().await.expect("ended");
        expect(&mut there, b"GET / HTTP/1.1\r\nHost: anything\r\n\r\n").await;
        expect_end(&mut there).await;
        there.write_all(&[8; 200_000]).await.expect("sent");
        drop(there);
        let mut heard = Vec::new();
        client.read_to_end(&mut heard).await.expect("an orderly end");
        assert_eq!(heard.len(), 200_000);
        while shares.open() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

#[tokio::test]
async fn a_published_port_without_a_server_resets() {
    among_tasks(async {
        let outside = listen().await;
        let address = outside.local_addr().expect("an address");
        let connect = async |_: u16| Err(io::Error::from(io::ErrorKind::ConnectionRefused));
        let gate = Gate::new(nothing_allowed(), Reporter::default());
        drop(spawn_local(published::serve(outside, 3000, connect, Shares::new(Bounds::default()), gate)));
        let mut client = TcpStream::connect(address).await.expect("connected");
        expect_reset(&mut client).await;
    })
    .await;
}
