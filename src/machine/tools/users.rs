//! Users and groups, as the container's `/etc/passwd` and `/etc/group` name them.

use std::collections::BTreeMap;

use crate::machine::kernel::Sys;

/// A line of `/etc/passwd`.
#[derive(Debug, Clone)]
pub(super) struct User {
    /// Its name.
    pub name: String,
    /// Its number.
    pub uid: u32,
    /// Its first group.
    pub gid: u32,
    /// Its home.
    pub home: String,
    /// Its shell.
    pub shell: String,
}

/// A line of `/etc/group`.
#[derive(Debug, Clone)]
pub(super) struct Group {
    /// Its name.
    pub name: String,
    /// Its number.
    pub gid: u32,
    /// Who else is in it.
    pub members: Vec<String>,
}

fn lines(sys: &mut Sys<'_>, path: &str) -> Vec<Vec<String>> {
    let bytes = sys.read_file(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    text.lines().map(|l| l.split(':').map(String::from).collect()).collect()
}

/// All users.
pub(super) fn users(sys: &mut Sys<'_>) -> Vec<User> {
    let user = |l: Vec<String>| match l.as_slice() {
        [name, _, uid, gid, _, home, shell, ..] => Some(User {
            name: name.clone(),
            uid: uid.parse().ok()?,
            gid: gid.parse().ok()?,
            home: home.clone(),
            shell: shell.clone(),
        }),
        _ => None,
    };
    lines(sys, "/etc/passwd").into_iter().filter_map(user).collect()
}

/// All groups.
pub(super) fn groups(sys: &mut Sys<'_>) -> Vec<Group> {
    let group = |l: Vec<String>| match l.as_slice() {
        [name, _, gid, rest @ ..] => {
            let members = rest.first().map(|m| m.split(',').filter(|m| !m.is_empty()).map(String::from).collect());
            Some(Group { name: name.clone(), gid: gid.parse().ok()?, members: members.unwrap_or_default() })
        }
        _ => None,
    };
    lines(sys, "/etc/group").into_iter().filter_map(group).collect()
}

/// The names of all users and groups by number.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    users: BTreeMap<u32, String>,
    groups: BTreeMap<u32, String>,
}

impl Names {
    /// Reads them.
    pub fn of(sys: &mut Sys<'_>) -> Names {
        let mut names = Names::default();
        for user in users(sys) {
            names.users.entry(user.uid).or_insert(user.name);
        }
        for group in groups(sys) {
            names.groups.entry(group.gid).or_insert(group.name);
        }
        names
    }

    /// A user's name, or his number where he has none.
    pub fn user(&self, uid: u32) -> String {
        self.users.get(&uid).cloned().unwrap_or_else(|| uid.to_string())
    }

    /// A group's name, or its number where it has none.
    pub fn group(&self, gid: u32) -> String {
        self.groups.get(&gid).cloned().unwrap_or_else(|| gid.to_string())
    }

    /// Whether a user has a name.
    pub fn find_user(&self, uid: u32) -> Option<&str> {
        self.users.get(&uid).map(String::as_str)
    }

    /// Whether a group has a name.
    pub fn find_group(&self, gid: u32) -> Option<&str> {
        self.groups.get(&gid).map(String::as_str)
    }
}

/// A user by name or number.
pub(super) fn find_user(sys: &mut Sys<'_>, name: &str) -> Option<User> {
    users(sys).into_iter().find(|u| u.name == name)
}

/// A group's number by its name or number.
pub(super) fn gid_of(sys: &mut Sys<'_>, name: &str) -> Option<u32> {
    let found = groups(sys).into_iter().find(|g| g.name == name).map(|g| g.gid);
    found.or_else(|| name.parse().ok())
}

/// A user's number by his name or number.
pub(super) fn uid_of(sys: &mut Sys<'_>, name: &str) -> Option<u32> {
    find_user(sys, name).map(|u| u.uid).or_else(|| name.parse().ok())
}

/// The numbers of the groups that a user is in, his first one included.
pub(super) fn groups_of(sys: &mut Sys<'_>, name: &str) -> Vec<u32> {
    let first = find_user(sys, name).map(|u| u.gid);
    let others = groups(sys).into_iter().filter(|g| g.members.iter().any(|m| m == name)).map(|g| g.gid);
    let mut all: Vec<u32> = first.into_iter().collect();
    for gid in others {
        if !all.contains(&gid) {
            all.push(gid);
        }
    }
    all
}
