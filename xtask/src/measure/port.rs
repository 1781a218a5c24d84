//! The listener on the port: none before the start, this run's server afterwards.

use std::fs;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};

use xshell::cmd;

use super::{process, shell};
use crate::error::{Error, Result};

/// The process that answers on `127.0.0.1:port`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Listener {
    /// The process asked about.
    Ours,
    /// Another one, with its id where the system shows it.
    Stranger(Option<u32>),
    /// Who did, if anybody, listens no longer.
    Nobody,
    /// This system does not show it.
    Unknown,
}

/// Checks that `port` is free on IPv4 and, where there is one, on IPv6.
///
/// # Errors
/// Names the process that holds it.
pub fn free(port: u16) -> Result<()> {
    for address in [
        SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
        SocketAddr::from((Ipv6Addr::LOCALHOST, port)),
    ] {
        match TcpListener::bind(address).map_err(|error| (error.kind(), error)) {
            Err((io::ErrorKind::AddrInUse, _)) => return Err(taken(port)),
            Err((io::ErrorKind::PermissionDenied, error)) => {
                let what = format!("port {port} is not for this user");
                return Err(Error::because(what, error).next("choose another: --port N"));
            }
            // Free, or no IPv6 on this machine.
            Ok(_) | Err(_) => {}
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

/// Compares the listener on `127.0.0.1:port` with process `pid`.
pub(crate) fn listener(port: u16, pid: u32) -> Listener {
    let all_in =
        |inodes: &[u64], sockets: &[u64]| inodes.iter().all(|inode| sockets.contains(inode));
    match (listening_inodes(port), open_sockets(pid)) {
        (Some(inodes), _) if inodes.is_empty() => Listener::Nobody,
        (Some(inodes), Some(sockets)) if all_in(&inodes, &sockets) => Listener::Ours,
        (Some(_), Some(_)) => Listener::Stranger(holder(port)),
        (Some(_), None) => Listener::Unknown,
        (None, _) => match holders(port) {
            Some(pids) if pids.contains(&pid) => Listener::Ours,
            Some(pids) if !pids.is_empty() => Listener::Stranger(pids.first().copied()),
            _ => Listener::Unknown,
        },
    }
}

fn holder(port: u16) -> Option<u32> {
    holders(port)?.first().copied()
}

/// The processes that listen on `port`; `None` where the system does not show them.
fn holders(port: u16) -> Option<Vec<u32>> {
    if let Some(inodes) = listening_inodes(port) {
        let holds = |pid: &u32| {
            open_sockets(*pid)
                .is_some_and(|sockets| inodes.iter().any(|inode| sockets.contains(inode)))
        };
        return Some(process::all().filter(holds).collect());
    }
    let listed = shell::answer_of_system(|shell| {
        cmd!(shell, "lsof -nP").arg(format!("-iTCP:{port}")).args(["-sTCP:LISTEN", "-t"])
    })?;
    let pids = listed.lines().filter_map(|line| line.trim().parse().ok());
    Some(pids.collect())
}

fn command_line(pid: u32) -> String {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let words = String::from_utf8_lossy(&words).replace('\0', " ");
    match words.trim() {
        "" => {
            let pid = pid.to_string();
            shell::answer_of_system(|shell| cmd!(shell, "ps -o comm= -p {pid}"))
                .unwrap_or_else(|| "unknown".into())
        }
        words => words.chars().take(100).collect(),
    }
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

/// The sockets that a connection to `127.0.0.1:port` or `[::1]:port` can end at.
fn listening_inodes(port: u16) -> Option<Vec<u64>> {
    let v4 = fs::read_to_string("/proc/net/tcp").ok()?;
    let v6 = fs::read_to_string("/proc/net/tcp6").unwrap_or_default();
    let mut sockets: Vec<(Reach, u64)> =
        v4.lines().chain(v6.lines()).filter_map(|line| listening_socket(line, port)).collect();
    // The kernel prefers the most specific address.
    sockets.sort_unstable();
    let nearest = sockets.first().map(|(reach, _)| *reach);
    let nearest = sockets.iter().filter(|(reach, _)| Some(*reach) == nearest);
    Some(nearest.map(|(_, inode)| *inode).collect())
}

/// The address that a socket is bound to, the most specific first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    LoopbackV4,
    AnyV4,
    V6,
}

/// Reads a line of `/proc/net/tcp` or `tcp6`; `None` unless it is a socket that listens on `port` for this machine.
fn listening_socket(line: &str, port: u16) -> Option<(Reach, u64)> {
    const LISTEN: &str = "0A";
    let mut fields = line.split_whitespace();
    let (address, local_port) = fields.nth(1)?.rsplit_once(':')?;
    if fields.nth(1)? != LISTEN || u16::from_str_radix(local_port, 16).ok()? != port {
        return None;
    }
    let inode = fields.nth(5)?.parse().ok()?;
    let reach = match address {
        "00000000" => Reach::AnyV4,
        address if address.len() > 8 => Reach::V6,
        // Written in the machine's own byte order.
        address if u32::from_str_radix(address, 16).ok()?.to_ne_bytes() == [127, 0, 0, 1] => {
            Reach::LoopbackV4
        }
        _ => return None,
    };
    Some((reach, inode))
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn our_own_listener_is_recognised() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        assert_eq!(listener(port, std::process::id()), Listener::Ours);
    }

    #[test]
    fn a_listener_of_another_process_is_a_stranger() {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = socket.local_addr().unwrap().port();
        let mut other = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let found = listener(port, other.id());
        drop(other.stdin.take());
        other.wait().unwrap();
        assert!(matches!(found, Listener::Stranger(Some(_))), "{found:?}");
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
        let found = listener(port, std::process::id());
        assert!(matches!(found, Listener::Nobody | Listener::Unknown), "{found:?}");
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
