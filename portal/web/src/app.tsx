import { BrowserRouter, Navigate, Route, Routes } from "react-router";
import SharedQueryPage from "./account/shared-query";
import { ROOT } from "./api/client";
import SharedBasketPage from "./basket/shared";
import BasketPage from "./pages/basket";
import JobsPage from "./pages/jobs";
import ProfilePage from "./pages/profile";
import QueriesPage from "./pages/queries";
import ResultsPage from "./pages/results";
import SearchPage from "./pages/search";

export function App() {
  return (
    <BrowserRouter basename={ROOT}>
      <Routes>
        <Route path="/" element={<Navigate to="/search" replace />} />
        <Route path="/search" element={<SearchPage />} />
        <Route path="/results" element={<ResultsPage />} />
        <Route path="/basket/:id?" element={<BasketPage />} />
        <Route path="/basket/shared/:token" element={<SharedBasketPage />} />
        <Route path="/jobs/:id?" element={<JobsPage />} />
        <Route path="/queries" element={<QueriesPage />} />
        <Route path="/queries/shared/:token" element={<SharedQueryPage />} />
        <Route path="/profile" element={<ProfilePage />} />
      </Routes>
    </BrowserRouter>
  );
}
