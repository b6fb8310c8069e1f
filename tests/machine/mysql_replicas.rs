//! MySQL: a primary, and a replica that clones it and follows.

use super::lab::Lab;
use kstate::api::Duration;

const PRIMARY: &str =
    "printf '[mysqld]\\nlog-bin\\nserver-id=100\\n' > /etc/mysql/conf.d/a.cnf; exec docker-entrypoint.sh mysqld";
const REPLICA: &str = "printf '[mysqld]\\nsuper-read-only\\nserver-id=101\\n' > /etc/mysql/conf.d/a.cnf; exec docker-entrypoint.sh mysqld";

#[test]
fn a_replica_does_what_was_written() {
    let mut lab = Lab::default();
    let env = [("MYSQL_ALLOW_EMPTY_PASSWORD", "1")];
    lab.pod("mysql-0", "10.42.0.10", "mysql:5.7", &["bash", "-c", PRIMARY], &env);
    lab.pod("mysql-1", "10.42.0.11", "mysql:5.7", &["bash", "-c", REPLICA], &env);
    lab.run(Duration::secs(30));
    let ask = |lab: &mut Lab, at: &str, sql: &str| lab.exec(at, &["mysql", "-h", "127.0.0.1", "-e", sql], "");
    assert_eq!(
        ask(
            &mut lab,
            "10.42.0.10",
            "CREATE DATABASE test; CREATE TABLE test.m (t VARCHAR(9)); INSERT INTO test.m VALUES ('hello')"
        )
        .1,
        ""
    );
    let status = ask(&mut lab, "10.42.0.10", "SHOW MASTER STATUS").0;
    assert!(status.contains("mysql-0-bin.000003"), "{status}");
    let made = ask(
        &mut lab,
        "10.42.0.11",
        "CHANGE MASTER TO MASTER_LOG_FILE='mysql-0-bin.000003', MASTER_LOG_POS=154, MASTER_HOST='10.42.0.10', MASTER_USER='root', MASTER_PASSWORD='', MASTER_CONNECT_RETRY=10; START SLAVE;",
    );
    assert_eq!((made.1.as_str(), made.2), ("", 0));
    lab.run(Duration::secs(1));
    assert_eq!(ask(&mut lab, "10.42.0.11", "SELECT * FROM test.m").0, "t\nhello\n");
    ask(&mut lab, "10.42.0.10", "INSERT INTO test.m VALUES ('more')");
    lab.run(Duration::secs(1));
    assert_eq!(ask(&mut lab, "10.42.0.11", "SELECT @@server_id, 1").0, "@@server_id\t1\n101\t1\n");
    assert_eq!(ask(&mut lab, "10.42.0.11", "SELECT t FROM test.m").0, "t\nhello\nmore\n");
    assert_eq!(
        ask(&mut lab, "10.42.0.11", "INSERT INTO test.m VALUES ('x')").1,
        "ERROR 1290 (HY000) at line 1: The MySQL server is running with the --super-read-only option so it cannot execute this statement\n"
    );
    let status = ask(&mut lab, "10.42.0.11", "SHOW SLAVE STATUS\\G").0;
    assert!(status.contains("             Slave_IO_Running: Yes\n            Slave_SQL_Running: Yes\n"), "{status}");
}
