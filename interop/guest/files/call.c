/* call: one switched call of AF_ATMSVC.
   call -l OWN TEXT          awaits a call to OWN; call OWN TO TEXT places one from OWN.
   Then it sends TEXT, and prints what comes within three seconds.
   call ... TEXT SECONDS     stays so long instead, or until the call has ended, which it
                             says; and sends what comes back. */
#include <stdio.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <poll.h>
#include <linux/atm.h>
#include <atm.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static struct sockaddr_atmsvc address(const char *text)
{
	struct sockaddr_atmsvc a;

	memset(&a, 0, sizeof a);
	a.sas_family = AF_ATMSVC;
	if (text2atm(text, (struct sockaddr *)&a, sizeof a, T2A_SVC) < 0) {
		fprintf(stderr, "%s: no address\n", text);
		exit(2);
	}
	return a;
}

int main(int argc, char **argv)
{
	struct sockaddr_atmsvc own, to;
	struct atm_qos qos;
	struct pollfd wait;
	char sdu[65536];
	int s, listening, stay, i, n;

	if (argc != 4 && argc != 5)
		return 2;
	stay = argc == 5 ? atoi(argv[4]) * 10 : 30;
	setvbuf(stdout, NULL, _IOLBF, 0);
	listening = !strcmp(argv[1], "-l");
	memset(&qos, 0, sizeof qos);
	qos.aal = ATM_AAL5;
	qos.txtp.traffic_class = qos.rxtp.traffic_class = ATM_UBR;
	qos.txtp.max_sdu = qos.rxtp.max_sdu = 9180;
	own = address(argv[listening ? 2 : 1]);
	s = socket(PF_ATMSVC, SOCK_DGRAM, ATM_AAL5);
	if (s < 0)
		fail("socket");
	if (setsockopt(s, SOL_ATM, SO_ATMQOS, &qos, sizeof qos) < 0)
		fail("qos");
	if (bind(s, (struct sockaddr *)&own, sizeof own) < 0)
		fail("bind");
	if (listening) {
		if (listen(s, 5) < 0)
			fail("listen");
		printf("listening\n");
		s = accept(s, NULL, NULL);
		if (s < 0)
			fail("accept");
	} else {
		to = address(argv[2]);
		if (connect(s, (struct sockaddr *)&to, sizeof to) < 0)
			fail("connect");
	}
	printf("connected\n");
	if (write(s, argv[3], strlen(argv[3])) < 0)
		fail("write");
	wait.fd = s;
	wait.events = POLLIN;
	for (i = 0; i < stay; i++) {
		if (poll(&wait, 1, 100) <= 0)
			continue;
		n = read(s, sdu, sizeof sdu - 1);
		if (n <= 0) {
			printf("ended: %s\n", n ? strerror(errno) : "released");
			break;
		}
		sdu[n] = 0;
		printf("received %s\n", sdu);
		if (argc == 5 && write(s, sdu, n) < 0)
			fail("write");
	}
	close(s);
	return 0;
}
