//! Clients of databases with somebody at a terminal: what they say, how they ask, and what ends a statement.

use insta::assert_snapshot;

use super::Session;

/// What is seen where those lines are typed to the client of a server.
fn typed(server: &str, image: &str, client: &str, lines: &[&str]) -> String {
    let mut session = Session::new();
    session.run(&[
        &format!("kubectl run {server} --image={image} --env=MYSQL_ROOT_PASSWORD=p --env=POSTGRES_PASSWORD=p"),
        "kstate clock advance 1m",
    ]);
    session.0.typing(&format!("kubectl exec -it {server} -- {client}"), lines)
}

#[test]
fn mysql_asks_for_the_password_and_for_statements() {
    let lines = [
        "p",
        "show databases;",
        "create database shop;",
        "use shop",
        "create table t (id int primary key,",
        "  name varchar(20));",
        "insert into t values (1, 'a'), (2, 'b');",
        "select * from t;",
        "select * from t where id = 3;",
        "select nothing\\c",
        "selec;",
        "exit",
    ];
    assert_snapshot!(typed("mysql", "mysql:8.0", "mysql -u root -p", &lines), @r"
    $ kubectl exec -it mysql -- mysql -u root -p
    Enter password: p
    Welcome to the MySQL monitor.  Commands end with ; or \g.
    Your MySQL connection id is 8
    Server version: 8.0.44 MySQL Community Server - GPL

    Copyright (c) 2000, 2025, Oracle and/or its affiliates.

    Oracle is a registered trademark of Oracle Corporation and/or its
    affiliates. Other names may be trademarks of their respective
    owners.

    Type 'help;' or '\h' for help. Type '\c' to clear the current input statement.

    mysql> show databases;
    +--------------------+
    | Database           |
    +--------------------+
    | information_schema |
    | mysql              |
    | performance_schema |
    | sys                |
    +--------------------+
    4 rows in set (0.00 sec)

    mysql> create database shop;
    Query OK, 1 row affected (0.01 sec)

    mysql> use shop
    Database changed
    mysql> create table t (id int primary key,
        ->   name varchar(20));
    Query OK, 0 rows affected (0.01 sec)

    mysql> insert into t values (1, 'a'), (2, 'b');
    Query OK, 2 rows affected (0.01 sec)

    mysql> select * from t;
    +----+------+
    | id | name |
    +----+------+
    |  1 | a    |
    |  2 | b    |
    +----+------+
    2 rows in set (0.00 sec)

    mysql> select * from t where id = 3;
    Empty set (0.00 sec)

    mysql> select nothing\c
    mysql> selec;
    ERROR 1064 (42000): You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for the right syntax to use near 'selec' at line 1
    mysql> exit
    Bye
    ");
}

#[test]
fn mysql_refuses_a_wrong_password() {
    assert_snapshot!(typed("mysql", "mysql:8.0", "mysql -u root -p", &["q"]), @"
    $ kubectl exec -it mysql -- mysql -u root -p
    Enter password: q
    ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)
    command terminated with exit code 1
    [exit 1]
    ");
}

#[test]
fn psql_shows_what_there_is() {
    let lines = [
        "\\dt",
        "\\l",
        "create database shop;",
        "\\c shop",
        "\\c nope",
        "create table t (id serial primary key, name varchar(20) not null,",
        "made timestamptz default now());",
        "insert into t (name) values ('a');",
        "\\dt",
        "\\d t",
        "\\d u",
        "\\du",
        "\\conninfo",
        "select id, name from t;",
        "\\x y",
        "\\q",
    ];
    assert_snapshot!(typed("pg", "postgres:16", "psql -U postgres", &lines), @r#"
    $ kubectl exec -it pg -- psql -U postgres
    psql (16.11 (Debian 16.11-1.pgdg13+1))
    Type "help" for help.

    postgres=# \dt
    Did not find any relations.
    postgres=# \l
                                                          List of databases
       Name    |  Owner   | Encoding | Locale Provider |  Collate   |   Ctype    | ICU Locale | ICU Rules |   Access privileges   
    -----------+----------+----------+-----------------+------------+------------+------------+-----------+-----------------------
     postgres  | postgres | UTF8     | libc            | en_US.utf8 | en_US.utf8 |            |           | 
     template0 | postgres | UTF8     | libc            | en_US.utf8 | en_US.utf8 |            |           | =c/postgres          +
               |          |          |                 |            |            |            |           | postgres=CTc/postgres
     template1 | postgres | UTF8     | libc            | en_US.utf8 | en_US.utf8 |            |           | =c/postgres          +
               |          |          |                 |            |            |            |           | postgres=CTc/postgres
    (3 rows)

    postgres=# create database shop;
    CREATE DATABASE
    postgres=# \c shop
    You are now connected to database "shop" as user "postgres".
    shop=# \c nope
    connection to server on socket "/var/run/postgresql/.s.PGSQL.5432" failed: FATAL:  database "nope" does not exist
    Previous connection kept
    shop=# create table t (id serial primary key, name varchar(20) not null,
    shop-# made timestamptz default now());
    CREATE TABLE
    shop=# insert into t (name) values ('a');
    INSERT 0 1
    shop=# \dt
            List of relations
     Schema | Name | Type  |  Owner   
    --------+------+-------+----------
     public | t    | table | postgres
    (1 row)

    shop=# \d t
                                         Table "public.t"
     Column |           Type           | Collation | Nullable |            Default            
    --------+--------------------------+-----------+----------+-------------------------------
     id     | integer                  |           | not null | nextval('t_id_seq'::regclass)
     name   | character varying(20)    |           | not null | 
     made   | timestamp with time zone |           |          | now()
    Indexes:
        "t_pkey" PRIMARY KEY, btree (id)

    shop=# \d u
    Did not find any relation named "u".
    shop=# \du
                                 List of roles
     Role name |                         Attributes                         
    -----------+------------------------------------------------------------
     postgres  | Superuser, Create role, Create DB, Replication, Bypass RLS

    shop=# \conninfo
    You are connected to database "shop" as user "postgres" via socket in "/var/run/postgresql" at port "5432".
    shop=# select id, name from t;
     id | name 
    ----+------
      1 | a
    (1 row)

    shop=# \x y
    invalid command \x
    Try \? for help.
    shop=# \q
    "#);
}

#[test]
fn the_client_of_zookeeper_counts_its_commands() {
    assert_snapshot!(typed("zk", "zookeeper", "zkCli.sh", &["ls /", "create /a b", "get /a", "quit"]), @"
    $ kubectl exec -it zk -- zkCli.sh
    Connecting to localhost:2181
    Welcome to ZooKeeper!
    JLine support is enabled

    WATCHER::

    WatchedEvent state:SyncConnected type:None path:null
    [zk: localhost:2181(CONNECTED) 0] ls /
    [zookeeper]
    [zk: localhost:2181(CONNECTED) 1] create /a b
    Created /a
    [zk: localhost:2181(CONNECTED) 2] get /a
    b
    [zk: localhost:2181(CONNECTED) 3] quit
    ");
}
