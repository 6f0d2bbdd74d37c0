import { QueryClientProvider } from "@tanstack/react-query";
import { lazy, useState } from "react";
import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import { ROOT } from "./api/client";
import { makeQueryClient } from "./api/queries";
import SearchPage from "./pages/search";
import { Layout } from "./shell/layout";
import { Missing } from "./shell/missing";

// The first page comes at once, the others when they are asked for.
const ResultsPage = lazy(() => import("./pages/results"));
const BasketPage = lazy(() => import("./pages/basket"));
const JobsPage = lazy(() => import("./pages/jobs"));
const QueriesPage = lazy(() => import("./pages/queries"));
const ProfilePage = lazy(() => import("./pages/profile"));
const SharedBasketPage = lazy(() => import("./basket/shared"));
const SharedQueryPage = lazy(() => import("./account/shared-query"));

export function App() {
  const [queries] = useState(makeQueryClient);
  return (
    <QueryClientProvider client={queries}>
      <BrowserRouter basename={ROOT || "/"}>
        <Routes>
          <Route element={<Layout />}>
            <Route path="/" element={<Navigate to="/search" replace />} />
            <Route path="/search" element={<SearchPage />} />
            <Route path="/results" element={<ResultsPage />} />
            <Route path="/basket/:id?" element={<BasketPage />} />
            <Route path="/basket/shared/:token" element={<SharedBasketPage />} />
            <Route path="/jobs/:id?" element={<JobsPage />} />
            <Route path="/queries" element={<QueriesPage />} />
            <Route path="/queries/shared/:token" element={<SharedQueryPage />} />
            <Route path="/profile" element={<ProfilePage />} />
            <Route path="*" element={<Missing />} />
          </Route>
        </Routes>
      </BrowserRouter>
    </QueryClientProvider>
  );
}
