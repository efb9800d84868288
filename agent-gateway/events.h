/* GET /.gateway/http/events: the event table as lines of JSON, followed. */
#ifndef SOCKERLESS_GATEWAY_EVENTS_H
#define SOCKERLESS_GATEWAY_EVENTS_H

struct gateway;

/* There may be new events: the streams look at the store. */
void events_look(struct gateway *gw);

#endif
