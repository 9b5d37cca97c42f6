"""The problem: search space, feasibility, designs and objective."""
