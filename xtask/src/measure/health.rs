//! `GET /health`, by hand: one request on a fresh connection to 127.0.0.1.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// The longest that one request may take.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that is read of an answer, in bytes.
const LONGEST_ANSWER: usize = 65_536;

/// Asks once; `true` if it is the stand-in that answers, and not the real Engram.
///
/// # Errors
/// Where no healthy engram answers, with what did, or why nothing did.
pub fn check(port: u16) -> Result<bool, String> {
    read(&request(port).map_err(|error| error.to_string())?)
}

fn request(port: u16) -> io::Result<String> {
    // The patience is for the whole answer, which may trickle in.
    let end = Instant::now() + PATIENCE;
    let mut stream =
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), PATIENCE)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "GET /health HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\nConnection: close\r\n\r\n"
    )?;
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while answer.len() < LONGEST_ANSWER {
        let left = end.checked_duration_since(Instant::now()).ok_or(io::ErrorKind::TimedOut)?;
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut part)? {
            0 => break,
            read => answer.extend(part.iter().take(read)),
        }
    }
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

/// Only a 200 that names the service and its good health counts: another program may answer 200 to everything.
fn read(answer: &str) -> Result<bool, String> {
    let status = answer.lines().next().unwrap_or_default();
    let body: Option<Value> = (answer.find('{').zip(answer.rfind('}')))
        .and_then(|(start, end)| serde_json::from_str(answer.get(start..=end)?).ok());
    let says =
        |key: &str, value: Value| body.as_ref().and_then(|body| body.get(key)) == Some(&value);
    let is_ok = status.split_whitespace().nth(1) == Some("200");
    if is_ok && says("service", "engram".into()) && says("status", "healthy".into()) {
        return Ok(says("stand_in", true.into()));
    }
    let body = body.map_or_else(String::new, |body| format!(", {body}"));
    let answer = format!("{}{body}", status.trim());
    Err(answer.chars().take(200).collect())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    const BODY: &str = r#"{"service":"engram","status":"healthy","version":"0.1.0"}"#;

    #[test]
    fn a_healthy_engram_is_healthy() {
        assert_eq!(read(&format!("HTTP/1.1 200 OK\r\n\r\n{BODY}")), Ok(false));
    }

    #[test]
    fn the_stand_in_says_so() {
        let body = BODY.replace("}", r#","stand_in":true}"#);
        assert_eq!(read(&format!("HTTP/1.1 200 OK\r\n\r\n{body}")), Ok(true));
    }

    #[test]
    fn a_stranger_that_answers_200_is_not_healthy() {
        for answer in [
            "HTTP/1.1 200 OK\r\n\r\nok",
            "HTTP/1.1 200 OK\r\n\r\n{\"status\":\"healthy\"}",
            "",
            "}{",
        ] {
            assert!(read(answer).is_err(), "{answer}");
        }
    }

    #[test]
    fn an_engram_that_answers_503_is_not_healthy() {
        let answer = format!("HTTP/1.1 503 Service Unavailable\r\n\r\n{BODY}");
        assert!(read(&answer).is_err());
    }

    #[test]
    fn an_answer_that_trickles_in_for_ever_is_given_up() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let trickle = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            while stream.write_all(b"H").is_ok() {
                std::thread::sleep(PATIENCE / 100);
            }
        });
        assert!(check(port).is_err());
        trickle.join().unwrap();
    }

    #[test]
    fn a_port_where_nobody_listens_is_silent() {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        assert!(check(port).is_err());
    }
}
