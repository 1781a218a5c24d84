//! The listener on the port: none before the start, this run's server afterwards.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, TcpListener};

use xshell::cmd;

use super::{process, shell};
use crate::error::{Error, Result};

/// Checks that `port` is free on IPv4 and, where there is one, on IPv6.
///
/// # Errors
/// Names the process that holds it.
pub fn free(port: u16) -> Result<()> {
    for address in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
        let Err(error) = TcpListener::bind((address, port)) else { continue };
        match error.kind() {
            io::ErrorKind::AddrInUse => return Err(taken(port)),
            io::ErrorKind::PermissionDenied => {
                let what = format!("port {port} is not for this user");
                return Err(Error::because(what, error).next("choose another: --port N"));
            }
            // No IPv6 on this machine.
            _ => {}
        }
    }
    Ok(())
}

/// The lowest free port above `port`.
///
/// # Errors
/// When there is none.
pub(crate) fn next_free(port: u16) -> Result<u16> {
    let mut above = (port..=u16::MAX).skip(1);
    above.find(|port| free(*port).is_ok()).ok_or_else(|| {
        Error::new(format!("no port above {port} is free, and the other server needs one"))
            .next("choose a lower one: --port N")
    })
}

fn taken(port: u16) -> Error {
    let (who, end) = match holder(port) {
        Some(pid) => {
            (format!("process {pid} ({})", command_line(pid)), format!("end it (kill {pid})"))
        }
        None => ("another process".to_owned(), "end it".to_owned()),
    };
    Error::new(format!("port {port} is taken by {who}"))
        .next("a server that is already there would be measured instead of yours")
        .next(format!("{end}, or choose another port: --port N"))
}

/// Checks that it is process `pid` that listens on `127.0.0.1:port`; `false` where nobody does any more. A system that
/// does not show it is believed.
///
/// # Errors
/// Names the process that listens instead.
pub(crate) fn listens(port: u16, pid: u32) -> Result<bool> {
    let stranger = match listening_inodes(port) {
        Some(inodes) if inodes.is_empty() => return Ok(false),
        Some(inodes) => {
            let owns = |sockets: Vec<u64>| inodes.iter().all(|inode| sockets.contains(inode));
            if open_sockets(pid).is_none_or(owns) {
                return Ok(true);
            }
            // One that is dying has given up its program and its files, and its socket a moment later.
            if fs::read_link(format!("/proc/{pid}/exe")).is_err() {
                return Ok(false);
            }
            holder(port)
        }
        None => {
            let pids = listed_holders(port).unwrap_or_default();
            if pids.is_empty() || pids.contains(&pid) {
                return Ok(true);
            }
            pids.first().copied()
        }
    };
    let who = stranger.map_or_else(|| "another process".into(), |pid| format!("process {pid}"));
    let what = format!("port {port} is answered by {who}, not by the server just started");
    Err(Error::new(what))
}

/// A process that listens on `port`, where the system shows it.
fn holder(port: u16) -> Option<u32> {
    let Some(inodes) = listening_inodes(port) else {
        return listed_holders(port)?.first().copied();
    };
    let holds = |sockets: Vec<u64>| inodes.iter().any(|inode| sockets.contains(inode));
    process::all().find(|pid| open_sockets(*pid).is_some_and(holds))
}

/// The processes that listen on `port`, where there is no `/proc`.
fn listed_holders(port: u16) -> Option<Vec<u32>> {
    let listed = shell::answer_of_system(|shell| {
        cmd!(shell, "lsof -nP").arg(format!("-iTCP:{port}")).args(["-sTCP:LISTEN", "-t"])
    })?;
    Some(listed.lines().filter_map(|line| line.trim().parse().ok()).collect())
}

fn command_line(pid: u32) -> String {
    let words = fs::read_to_string(format!("/proc/{pid}/cmdline")).ok();
    let listed = || {
        let pid = pid.to_string();
        shell::answer_of_system(|shell| cmd!(shell, "ps -o args= -p {pid}"))
    };
    let words = words.or_else(listed).unwrap_or_default().replace('\0', " ");
    words.trim().chars().take(100).collect()
}

/// The inodes of the sockets that process `pid` has open.
fn open_sockets(pid: u32) -> Option<Vec<u64>> {
    let inode = |entry: io::Result<fs::DirEntry>| {
        let target = fs::read_link(entry.ok()?.path()).ok()?;
        let socket = target.to_str()?.strip_prefix("socket:[")?;
        socket.strip_suffix(']')?.parse().ok()
    };
    let entries = fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    Some(entries.filter_map(inode).collect())
}

/// The sockets that a connection to `127.0.0.1:port` ends at: the kernel prefers the most specific address. It walks a
/// large table for each file, so that of IPv6 is read only where none of IPv4 is nearer.
fn listening_inodes(port: u16) -> Option<Vec<u64>> {
    let v4 = fs::read_to_string("/proc/net/tcp").ok()?;
    // Written in the machine's own byte order.
    for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
        let address = u32::from_ne_bytes(address.octets());
        let found = listening_at(&v4, &format!("{address:08X}:{port:04X}"));
        if !found.is_empty() {
            return Some(found);
        }
    }
    let v6 = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    Some(listening_at(&v6, &format!(":{port:04X}")))
}

/// The inodes of the sockets in a table of `/proc/net` that listen at addresses with this end.
fn listening_at(table: &str, end: &str) -> Vec<u64> {
    const LISTEN: &str = "0A";
    let inode = |line: &str| {
        let mut fields = line.split_whitespace();
        let is_it = fields.nth(1)?.ends_with(end) && fields.nth(1)? == LISTEN;
        fields.nth(5).filter(|_| is_it)?.parse().ok()
    };
    table.lines().filter_map(inode).collect()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn our_own_listener_is_recognised() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(listens(port, std::process::id()).unwrap());
    }

    #[test]
    fn a_listener_on_every_address_is_recognised() {
        for address in ["0.0.0.0:0", "[::]:0"] {
            // A machine without IPv6 has none there.
            if let Ok(socket) = TcpListener::bind(address) {
                let port = socket.local_addr().unwrap().port();
                assert!(listens(port, std::process::id()).unwrap(), "{address}");
            }
        }
    }

    #[test]
    fn a_listener_of_another_process_is_a_stranger() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let found = listens(port, other.id());
        drop(other.stdin.take());
        other.wait().unwrap();
        assert!(found.unwrap_err().what().contains("is answered by process "));
    }

    #[test]
    fn a_port_that_nobody_listens_on_any_more_has_no_stranger() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        drop(socket);
        // A child that another test starts may hold the socket until it becomes its program.
        while free(port).is_err() {
            std::thread::yield_now();
        }
        assert!(listens(port, std::process::id()).is_ok());
    }

    #[test]
    fn a_taken_port_is_refused_with_the_name_of_its_holder() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let error = free(port).unwrap_err();
        assert!(error.what().contains(&format!("process {}", std::process::id())), "{error}");
    }

    #[test]
    fn the_next_free_port_is_not_one_that_is_taken() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert!(next_free(port - 1).is_ok_and(|next| next > port));
        assert!(next_free(u16::MAX).is_err());
    }

    #[test]
    fn a_port_taken_on_ipv6_only_is_refused() {
        // A machine without IPv6 has nothing to refuse.
        if let Ok(socket) = TcpListener::bind((Ipv6Addr::LOCALHOST, 0)) {
            assert!(free(socket.local_addr().unwrap().port()).is_err());
        }
    }
}
