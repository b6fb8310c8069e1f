//! Which tools lie in which base image, by name.

/// The applets of the image `busybox`: all in `/bin`.
pub(super) const BUSYBOX: &str = "[ [[ acpid add-shell addgroup adduser adjtimex ar arch arp arping ascii ash awk \
base32 base64 basename bc beep blkdiscard blkid blockdev bootchartd brctl bunzip2 bzcat bzip2 cal cat chat chattr chgrp \
chmod chown chpasswd chpst chroot chrt chvt cksum clear cmp comm conspy cp cpio crc32 crond crontab cryptpw cttyhack cut \
date dc dd deallocvt delgroup deluser depmod devmem df dhcprelay diff dirname dmesg dnsd dnsdomainname dos2unix dpkg \
dpkg-deb du dumpkmap dumpleases echo ed egrep eject env envdir envuidgid ether-wake expand expr factor fakeidentd \
fallocate false fatattr fbset fbsplash fdflush fdformat fdisk fgconsole fgrep find findfs flock fold free freeramdisk \
fsck fsck.minix fsfreeze fstrim fsync ftpd ftpget ftpput fuser getfattr getopt getty grep groups gunzip gzip halt hd \
hdparm head hexdump hexedit hostid hostname httpd hush hwclock i2cdetect i2cdump i2cget i2cset i2ctransfer id ifconfig \
ifdown ifenslave ifplugd ifup inetd init insmod install ionice iostat ip ipaddr ipcalc ipcrm ipcs iplink ipneigh iproute \
iprule iptunnel kbd_mode kill killall killall5 klogd last less link linux32 linux64 linuxrc ln loadfont loadkmap logger \
login logname logread losetup lpd lpq lpr ls lsattr lsmod lsof lspci lsscsi lsusb lzcat lzma lzop makedevs makemime man \
md5sum mdev mesg microcom mim mkdir mkdosfs mke2fs mkfifo mkfs.ext2 mkfs.minix mkfs.vfat mknod mkpasswd mkswap mktemp \
modinfo modprobe more mount mountpoint mpstat mt mv nameif nanddump nandwrite nbd-client nc netstat nice nl nmeter \
nohup nologin nproc nsenter nslookup ntpd nuke od openvt partprobe passwd paste patch pgrep pidof ping ping6 \
pipe_progress pivot_root pkill pmap popmaildir poweroff powertop printenv printf ps pscan pstree pwd pwdx raidautorun \
rdate rdev readahead readlink readprofile realpath reboot reformime remove-shell renice reset resize resume rev rm rmdir \
rmmod route rpm rpm2cpio rtcwake run-init run-parts runlevel runsv runsvdir rx script scriptreplay sed seedrng sendmail \
seq setarch setconsole setfattr setfont setkeycodes setlogcons setpriv setserial setsid setuidgid sh sha1sum sha256sum \
sha3sum sha512sum showkey shred shuf slattach sleep smemcap softlimit sort split ssl_client start-stop-daemon stat \
strings stty su sulogin sum sv svc svlogd svok swapoff swapon switch_root sync sysctl syslogd tac tail tar taskset tcpsvd \
tee telnet telnetd test tftp tftpd time timeout top touch tr traceroute traceroute6 tree true truncate ts tsort tty \
ttysize tunctl ubiattach ubidetach ubimkvol ubirename ubirmvol ubirsvol ubiupdatevol udhcpc udhcpc6 udhcpd udpsvd uevent \
umount uname unexpand uniq unix2dos unlink unlzma unshare unxz unzip uptime users usleep uudecode uuencode vconfig vi \
vlock volname w wall watch watchdog wc wget which who whoami whois xargs xxd xz xzcat yes zcat zcip";

/// The applets of Alpine by folder.
pub(super) const ALPINE: [(&str, &str); 4] = [
    (
        "/bin",
        "arch ash base64 bbconfig cat chattr chgrp chmod chown cp date dd df dmesg dnsdomainname dumpkmap echo egrep \
         false fatattr fdflush fgrep fsync getopt grep gunzip gzip hostname ionice iostat ipcalc kbd_mode kill link \
         linux32 linux64 ln login ls lsattr lzop makemime mkdir mknod mktemp more mount mountpoint mpstat mv netstat \
         nice pidof ping ping6 pipe_progress printenv ps pwd reformime rev rm rmdir run-parts sed setpriv setserial sh \
         sleep stat stty su sync tar touch true umount uname usleep watch zcat",
    ),
    (
        "/sbin",
        "acpid adjtimex arp blkid blockdev depmod fbsplash fdisk findfs fsck fstrim getty halt hwclock ifconfig ifdown \
         ifenslave ifup init inotifyd insmod ip ipaddr iplink ipneigh iproute iprule iptunnel klogd loadkmap logread \
         losetup lsmod mdev mkdosfs mkfs.vfat mkswap modinfo modprobe nameif nologin pivot_root poweroff raidautorun \
         reboot rmmod route setconsole slattach swapoff swapon switch_root sysctl syslogd tunctl udhcpc vconfig \
         watchdog zcip",
    ),
    (
        "/usr/bin",
        "[ [[ awk basename bc beep blkdiscard bunzip2 bzcat bzip2 cal chvt cksum clear cmp comm cpio crontab cryptpw cut \
         dc deallocvt diff dirname dos2unix du eject env expand expr factor fallocate find flock fold free fuser groups \
         hd head hexdump hostid id install ipcrm ipcs killall last less logger lsof lsusb lzcat lzma lzopcat md5sum \
         mesg microcom mkfifo mkpasswd nc nl nmeter nohup nproc nsenter nslookup od openvt passwd paste pgrep pkill \
         pmap printf pscan pstree pwdx readlink realpath renice reset resize seq setkeycodes setsid sha1sum sha256sum \
         sha3sum sha512sum showkey shred shuf sort split strings sum tac tail tee test time timeout top tr traceroute \
         traceroute6 tree truncate ts tty ttysize udhcpc6 unexpand uniq unix2dos unlink unlzma unlzop unshare unxz \
         unzip uptime uudecode uuencode vi vlock volname wc wget which who whoami whois xargs xxd xzcat yes",
    ),
    (
        "/usr/sbin",
        "add-shell addgroup adduser arping brctl chpasswd chroot crond delgroup deluser ether-wake fbset killall5 \
         loadfont nanddump nandwrite nbd-client ntpd partprobe rdate rdev readahead readprofile remove-shell rfkill \
         sendmail setfont setlogcons",
    ),
];

/// What is in `PATH` of `debian`: the packages that are essential or required.
pub(super) const DEBIAN: &str = "arch b2sum base32 base64 basename basenc cat chgrp chmod chown chroot cksum comm cp \
csplit cut date dd df dir dircolors dirname du echo env expand expr factor false fmt fold groups head hostid id install \
join link ln logname ls md5sum mkdir mkfifo mknod mktemp mv nice nl nohup nproc numfmt od paste pathchk pinky pr printenv \
printf ptx pwd readlink realpath rm rmdir runcon seq sha1sum sha224sum sha256sum sha384sum sha512sum shred shuf sleep \
sort split stat stdbuf stty sum sync tac tail tee test [ timeout touch tr true truncate tsort tty uname unexpand uniq \
unlink users vdir wc who whoami yes run-parts tempfile which ischroot savelog add-shell remove-shell cmp diff diff3 sdiff \
find xargs egrep fgrep grep rgrep gunzip gzip gzexe uncompress zcat zcmp zdiff zegrep zfgrep zforce zgrep zless zmore znew \
hostname dnsdomainname domainname nisdomainname ypdomainname login faillog lastlog newgrp nologin sg mawk nawk mount \
umount losetup swapoff swapon clear infocmp tabs tic toe tput tset reset passwd chage chfn chsh expiry gpasswd chpasswd \
groupadd groupdel groupmod useradd userdel usermod perl sed pidof killall5 tar dmesg findmnt lsblk more mountpoint su \
agetty blkid fallocate flock getopt ionice ipcmk ipcrm ipcs last lscpu lslocks lslogins lsmem lsns mcookie mesg namei \
nsenter prlimit rename.ul rev setarch setpriv setsid script taskset unshare whereis getty linux32 linux64 ldconfig \
getconf getent iconv ldd locale localedef tzselect start-stop-daemon dpkg dpkg-query apt apt-cache apt-get apt-mark";

/// Those of `DEBIAN` that are in `sbin`.
pub(super) const SBIN: &str = "add-shell remove-shell agetty getty blkid chroot chpasswd groupadd groupdel groupmod useradd \
userdel usermod killall5 ldconfig losetup nologin start-stop-daemon swapoff swapon ip ifconfig route arp ss";

/// Tools that are there on no image without being named.
pub(super) const OTHER_KERNELS: &[&str] = &["busybox", "ash"];
