"""Words moved in closed form, over loops and axes that compiled code reads too; Timeloop's counting beside ours."""
