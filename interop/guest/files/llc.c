/* llc: what PF_LLC does by LLC type 1, at SAP 0x42 of an interface. llc DEV awaits UI, asks
   who sent it by UI "from linux", TEST and XID, and prints what comes until UI "end".
   The kernel sends TEST and XID only for stream sockets, gives what comes only to datagram
   sockets, and has one of them at an address: so the one goes before the other comes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <linux/llc.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void print(const struct sockaddr_llc *from, const char *data, int n)
{
	const char *kind = from->sllc_xid ? "XID" : from->sllc_test ? "TEST" : "UI";
	int i;

	printf("llc: %s from SAP %02x:", kind, from->sllc_sap);
	for (i = 0; i < n; i++)
		printf(" %02x", (unsigned char)data[i]);
	printf("\n");
}

static void say(int s, struct sockaddr_llc to, const char *text, int test, int xid)
{
	to.sllc_ua = 0;
	to.sllc_test = test;
	to.sllc_xid = xid;
	if (sendto(s, text, strlen(text), 0, (struct sockaddr *)&to, sizeof to) < 0)
		fail("sendto");
}

static int bound(int type, const struct sockaddr_llc *own)
{
	int s = socket(PF_LLC, type, 0);

	if (s < 0)
		fail("socket");
	if (bind(s, (const struct sockaddr *)own, sizeof *own) < 0)
		fail("bind");
	return s;
}

int main(int argc, char **argv)
{
	struct sockaddr_llc own, from;
	struct ifreq ifr;
	socklen_t len;
	char data[2048];
	int s, n, begun = 0;

	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	s = socket(AF_INET, SOCK_DGRAM, 0);
	memset(&ifr, 0, sizeof ifr);
	strncpy(ifr.ifr_name, argv[1], IFNAMSIZ - 1);
	if (s < 0 || ioctl(s, SIOCGIFHWADDR, &ifr) < 0)
		fail("address");
	memset(&own, 0, sizeof own);
	own.sllc_family = AF_LLC;
	own.sllc_arphrd = ifr.ifr_hwaddr.sa_family;
	own.sllc_sap = 0x42;
	memcpy(own.sllc_mac, ifr.ifr_hwaddr.sa_data, 6);
	s = bound(SOCK_DGRAM, &own);
	printf("llc: bound\n");
	for (;;) {
		len = sizeof from;
		n = recvfrom(s, data, sizeof data, 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			fail("recvfrom");
		print(&from, data, n);
		if (!from.sllc_xid && !from.sllc_test && n >= 3 && !memcmp(data, "end", 3))
			return 0;
		if (begun)
			continue;
		begun = 1;
		say(s, from, "from linux", 0, 0);
		close(s);
		s = bound(SOCK_STREAM, &own);
		say(s, from, "echo this", 1, 0);
		say(s, from, "", 0, 1);
		close(s);
		s = bound(SOCK_DGRAM, &own);
		printf("llc: asked\n");
	}
}
