# Sources of ctl/.
