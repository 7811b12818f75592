"""Ports through one SSH connection: the forwarding engine, reverse forwards and the SOCKS proxy.

Two threads move the bytes of all forwarded connections of a session (docs/decisions/0027-forwarding-engine.md). Which
class lives on which, and who may call what:

    any thread                the loop's thread, "fwd-NAME"            the transport's thread, "ssh-transport"
  +------------------+      +--------------------------------+       +--------------------------------------+
  | SshForwards      |      | Loop        turns and timer    |       | SessionTransport.run                 |
  |   bind, forward  |call_ | Poller      epoll              |       | StreamPacketizer.read_message        |
  | Forwarder        |soon  | Forwarder._on_…   accepts      |       |   decrypts                           |
  |   attach, detach | ---> | Doorman.ask       whose is it? |       | Channels.take      RFC 4254          |
  +------------------+      | Switchboard       its channel  |       |   calls opened, feed, grant,         |
                            | Connection.update   <----------- defer |   finished, closed, refused, lost    |
    local socket ---------> | Upstream.readable reads        |       | Connection         these seven       |
                            | Uplink.send, then              |       | Upstream.opened    what came early   |
                            | StreamPacketizer.send_data     |       | Downstream.feed    writes at once    | ---> local
    local socket <--------- | Downstream.flush  the rest     |       |   what the socket takes              |     socket
                            +--------------------------------+       +--------------------------------------+

  any thread          Loop.call_soon, defer, wake; StreamPacketizer.queue, send_now, send_data; all of Channels but
                      ``take``. They hold Outbox.lock for a moment; none of them blocks.
  shared by both      Downstream (its lock); of Upstream what was granted and read early (its lock); the flags of
                      Connection, which the transport's thread sets, and the loop's reads in ``update``.
  other threads       "door-NAME": Doorman, where the kernel can't tell at once (decision 0037). "socks…" and
                      "ssh-reverse…": proxies' greetings and reverse forwards, which carry little.

Neither thread waits for the other, for a local socket or for keys: what can't be done now is queued, and the one that
can do it is told. The layers below are in ``adapters/ssh/transport``: channels, packets, sealing, buffers.
"""
