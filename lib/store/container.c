#include "lib/store/container.h"

int container_move(struct store *s, const char *id, enum container_event ev, struct err *e)
{
	int found = store_row(s, QUERY_CONTAINER_STATE, e, "t", id);
	int from, to;

	if (found < 0)
		return -1;
	if (!found)
		return err_set(e, ERR_NOT_FOUND, "No such container: %s", id);
	from = state_from_name(store_text(s, QUERY_CONTAINER_STATE, 0));
	store_reset(s, QUERY_CONTAINER_STATE);
	if (from < 0)
		return err_set(e, ERR_INTERNAL, "container %s is in no known state", id);
	to = lifecycle_next((enum container_state)from, ev);
	if (to < 0)
		return err_set(e, ERR_CONFLICT, "container is %s", state_name((enum container_state)from));
	if (store_run(s, QUERY_CONTAINER_SET_STATE, e, "titt", state_name((enum container_state)to), time_now(), id,
		      state_name((enum container_state)from)) < 0)
		return -1;
	return to;
}
