"""The optimization problem: search space, feasibility, designs and objective."""
